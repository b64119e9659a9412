/** CARs of a wanted shape, made by the field's own importer and writer. */
import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CarWriter } from '@ipld/car'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'

export interface MadeCar {
  readonly path: string
  readonly root: CID
  readonly blocks: number
  /** Block bytes, section heads not counted. */
  readonly bytes: number
}

/** One file of pseudo-random bytes, the same for the same seed, in raw leaves of `leafBytes`. */
export async function makeFileCar(options: {
  path: string
  bytes: number
  leafBytes: number
  seed: number
}): Promise<MadeCar> {
  const source = [{ path: 'file.bin', content: noise(options.bytes, options.seed) }]
  return pack(options.path, source, { chunker: fixedSize({ chunkSize: options.leafBytes }) })
}

/** A directory of `entries` small files that is sharded into a HAMT. */
export async function makeHamtCar(options: { path: string; entries: number }): Promise<MadeCar> {
  const names = Array.from({ length: options.entries }, (_, at) => `entry-${at}.txt`)
  const source = names.map(name => ({ path: `wide/${name}`, content: Buffer.from(`I am ${name}`) }))
  return pack(options.path, source, { shardSplitThresholdBytes: 1024 })
}

/** As long as the root that takes its place in the header once it is known. */
const placeholder = CID.parse('bafybeihsjrnp4r2zzjwffsdi7nu3dka4xkfsjdwdr57wduuyulswrtsloa')

type Source = Iterable<{ path: string; content: Uint8Array | AsyncIterable<Uint8Array> }>

async function pack(path: string, source: Source, options: object): Promise<MadeCar> {
  const { writer, out } = CarWriter.create([placeholder])
  const written = pipeline(Readable.from(out), createWriteStream(path))
  const seen = new Set<string>()
  let bytes = 0
  let root: CID | undefined
  const store = {
    async put(cid: CID, block: Uint8Array): Promise<CID> {
      if (seen.has(cid.toString())) return cid
      seen.add(cid.toString())
      bytes += block.length
      await writer.put({ cid, bytes: block })
      return cid
    }
  }
  for await (const entry of importer(source, store, { rawLeaves: true, ...options })) {
    root = entry.cid
  }
  await writer.close()
  await written
  if (root === undefined) throw new Error('nothing was packed')
  await using file = await open(path, 'r+')
  await CarWriter.updateRootsInFile(file, [root])
  return { path, root, blocks: seen.size, bytes }
}

/** Bytes of a 32-bit xorshift, in pieces of 1 MiB. */
export async function* noise(bytes: number, seed: number): AsyncGenerator<Uint8Array> {
  let state = seed || 1
  for (let left = bytes; left > 0; left -= 1_048_576) {
    const words = new Uint32Array(262_144)
    for (let at = 0; at < words.length; at++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[at] = state
    }
    yield new Uint8Array(words.buffer, 0, Math.min(left, 1_048_576))
  }
}
