import type { CID } from 'multiformats/cid'
import type { BlockSource } from '../../src/block.ts'
import { inlineBytes } from '../../src/block.ts'
import { BlockMissingError } from '../../src/errors.ts'

/** A store for what an importer makes; it counts what is read of it. */
export class MemoryBlocks implements BlockSource {
  readonly #blocks = new Map<string, Uint8Array>()
  reads = 0

  async put(cid: CID, bytes: Uint8Array): Promise<CID> {
    this.#blocks.set(cid.toString(), bytes)
    return cid
  }

  async get(cid: CID): Promise<Uint8Array> {
    this.reads += 1
    return this.#find(cid)
  }

  async has(cid: CID): Promise<boolean> {
    return this.#blocks.has(cid.toString())
  }

  async size(cid: CID): Promise<number> {
    return this.#find(cid).length
  }

  #find(cid: CID): Uint8Array {
    const bytes = inlineBytes(cid) ?? this.#blocks.get(cid.toString())
    if (bytes === undefined) throw new BlockMissingError(cid)
    return bytes
  }
}
