import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { CarBlockIterator } from '@ipld/car'

export interface CarContent {
  readonly roots: readonly string[]
  /** Multihash in hex -> SHA-256 of the block's bytes; identity CIDs are left out. */
  readonly blocks: ReadonlyMap<string, string>
}

/** What a CAR holds as the field's own reader sees it; block bytes are not kept. */
export async function readCar(path: string): Promise<CarContent> {
  const reader = await CarBlockIterator.fromIterable(createReadStream(path))
  const roots = (await reader.getRoots()).map(String)
  const blocks = new Map<string, string>()
  for await (const { cid, bytes } of reader) {
    if (cid.multihash.code === 0) continue
    const key = Buffer.from(cid.multihash.bytes).toString('hex')
    blocks.set(key, createHash('sha256').update(bytes).digest('hex'))
  }
  return { roots, blocks }
}
