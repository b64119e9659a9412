import type { FileHandle } from 'node:fs/promises'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { AbortOptions } from '../abort.ts'
import { verify } from '../block.ts'
import { BlockMismatchError, BlockMissingError, CardockError } from '../errors.ts'
import { CixReader } from './cix/reader.ts'
import type { Location } from './cix/location.ts'
import { CarTruncatedError, IndexCorruptError, MountUnavailableError } from './errors.ts'
import { rethrowExhaustion } from './exhaustion.ts'
import type { FileHandles } from './handles.ts'
import type { LiveShard } from './shard-table.ts'
import { indexPath } from './store-context.ts'
import type { StoreFolders } from './store-context.ts'

/** One read where a whole payload is gone through. */
const pieceBytes = 1_048_576

/**
 * Reads single shards: their index, then the CAR at the place that it names. Flags nothing: what an
 * error says of the shard is for the caller to find out.
 */
export class ShardReader {
  readonly #handles: FileHandles
  readonly #folders: StoreFolders

  constructor({ handles, folders }: { handles: FileHandles; folders: StoreFolders }) {
    this.#handles = handles
    this.#folders = folders
  }

  /** Opened at the first need and shared. @throws INDEX_CORRUPT, INDEX_UNSUPPORTED, RESOURCE_EXHAUSTED */
  async openIndex(shard: LiveShard): Promise<CixReader> {
    const opening = (shard.index ??= this.#openIndex(indexPath(this.#folders, shard.record)))
    try {
      return await opening
    } catch (error) {
      if (shard.index === opening) shard.index = undefined
      throw error
    }
  }

  /** Sections of the block, none when the shard has it not. @throws as `openIndex` */
  async locate(shard: LiveShard, cid: CID): Promise<Location[]> {
    const index = await this.openIndex(shard)
    const opened = shard.index
    try {
      return await index.find(cid.multihash.code, cid.multihash.digest)
    } catch (error) {
      const isReplaced = shard.index !== opened && shard.state.fact === 'indexed'
      if (isReplaced) return this.locate(shard, cid)
      throw error
    }
  }

  /**
   * The block, verified. Where the CAR holds it several times, one good copy is enough.
   *
   * @throws BLOCK_MISSING when the shard has it not, BLOCK_MISMATCH, CAR_TRUNCATED,
   * MOUNT_UNAVAILABLE, HASH_UNSUPPORTED, and as `openIndex`
   */
  async read(shard: LiveShard, cid: CID): Promise<Uint8Array> {
    let failure: BlockMismatchError | undefined
    for (const location of await this.locate(shard, cid)) {
      const bytes = await this.#readSection(shard, location)
      try {
        return verify(cid, bytes)
      } catch (error) {
        if (!(error instanceof BlockMismatchError)) throw error
        failure = error
      }
    }
    throw failure ?? new BlockMissingError(cid)
  }

  /** The CARv1 payload in pieces. @throws CAR_TRUNCATED, MOUNT_UNAVAILABLE, and as `openIndex` */
  async *payload(shard: LiveShard, { signal }: AbortOptions): AsyncGenerator<Uint8Array> {
    const { payloadBase, payloadSize } = (await this.openIndex(shard)).facts
    const end = payloadBase + payloadSize
    for (let position = payloadBase; position < end; position += pieceBytes) {
      signal?.throwIfAborted()
      yield await this.#readCar(shard, position, Math.min(pieceBytes, end - position))
    }
  }

  /**
   * Some blocks from all over the CAR are what they were when it was indexed.
   *
   * @throws BLOCK_MISMATCH, and as `read`
   */
  async verifySample(shard: LiveShard, count: number): Promise<void> {
    let left = count
    // Entries are in the order of their digests: the first are sections from anywhere in the CAR.
    for await (const { hashCode, digest, location } of (await this.openIndex(shard)).entries()) {
      if (left === 0) return
      if (hashCode === 0) continue
      left -= 1
      const cid = CID.createV1(location.codec, createDigest(hashCode, digest))
      verify(cid, await this.#readSection(shard, location))
    }
  }

  async #openIndex(path: string): Promise<CixReader> {
    const { size } = await this.#useIndex(path, async handle => handle.stat())
    return CixReader.open(
      async (target, position) =>
        this.#useIndex(path, async handle => {
          const { bytesRead } = await handle.read(target, 0, target.length, position)
          return bytesRead
        }),
      size
    )
  }

  async #useIndex<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
    try {
      return await this.#handles.use(path, use)
    } catch (error) {
      rethrowKnown(error)
      throw new IndexCorruptError(`${path} cannot be read`, { cause: error })
    }
  }

  async #readSection(shard: LiveShard, location: Location): Promise<Uint8Array> {
    const { offset, headLength, dataLength } = location
    const { payloadBase } = (await this.openIndex(shard)).facts
    return this.#readCar(shard, payloadBase + offset + headLength, dataLength)
  }

  async #readCar(shard: LiveShard, position: number, length: number): Promise<Uint8Array> {
    const { mount } = shard
    const bytes = new Uint8Array(length)
    try {
      const { bytesRead } = await this.#handles.use(mount.path, async handle =>
        handle.read(bytes, 0, length, position)
      )
      if (bytesRead < length) throw new CarTruncatedError(`in ${mount.url}`, position + bytesRead)
      return bytes
    } catch (error) {
      rethrowKnown(error)
      throw new MountUnavailableError(mount.url, { cause: error })
    }
  }
}

/** Errors that already say what is wrong, and those of this process, pass as they are. */
function rethrowKnown(error: unknown): void {
  if (error instanceof CardockError) throw error
  rethrowExhaustion(error)
}
