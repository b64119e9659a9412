import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { inlineBytes } from '../block.ts'
import type { Block, BlockSource } from '../block.ts'
import { BlockMissingError, ClosedError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { GuardedReader } from './guarded-reader.ts'
import type { Initialiser } from './initialiser.ts'
import { infoOf } from './shard-info.ts'
import type { ShardInfo } from './shard-info.ts'
import type { LiveShard } from './shard-table.ts'

/** A claim on a shard, which cannot be destroyed until it is given up. */
class Lease {
  readonly #shard: LiveShard
  #isHeld = true

  constructor(shard: LiveShard) {
    this.#shard = shard
  }

  release(): void {
    if (this.#isHeld) this.#shard.apply('release')
    this.#isHeld = false
  }
}

/** Leases of accessors that nobody closed and nobody can close any more. */
const lost = new FinalizationRegistry<{ lease: Lease; key: string; log: Log }>(
  ({ lease, key, log }) => {
    lease.release()
    log.warn({ key }, 'an accessor was dropped without close()')
  }
)

interface AccessorParts {
  readonly reader: GuardedReader
  readonly initialiser: Initialiser
  readonly log: Log
}

/** One shard, held ready to be read from. Whoever acquired it closes it. */
export class ShardAccessor implements BlockSource, AsyncDisposable {
  readonly #shard: LiveShard
  readonly #reader: GuardedReader
  readonly #initialiser: Initialiser
  #lease: Lease | undefined

  /** The shard serves, and has taken `acquire`. */
  constructor(shard: LiveShard, { reader, initialiser, log }: AccessorParts) {
    this.#shard = shard
    this.#reader = reader
    this.#initialiser = initialiser
    this.#lease = new Lease(shard)
    lost.register(this, { lease: this.#lease, key: shard.key, log }, this)
  }

  /** The shard as it is now. */
  get info(): ShardInfo {
    return infoOf(this.#shard)
  }

  get roots(): readonly CID[] {
    return this.#shard.record.roots
  }

  /** @throws BLOCK_MISSING, BLOCK_MISMATCH, SHARD_FAILED, MOUNT_UNAVAILABLE, CLOSED */
  async get(cid: CID, options: AbortOptions = {}): Promise<Uint8Array> {
    const inline = inlineBytes(cid)
    if (inline !== undefined) return inline
    return this.#reader.read(await this.#serving(options), cid, options)
  }

  async has(cid: CID, options: AbortOptions = {}): Promise<boolean> {
    return (await this.#sizeOf(cid, options)) !== undefined
  }

  async size(cid: CID, options: AbortOptions = {}): Promise<number> {
    const size = await this.#sizeOf(cid, options)
    if (size === undefined) throw new BlockMissingError(cid)
    return size
  }

  /** Every section's block in file order, verified. Ends with an error at the first that is bad. */
  async *blocks(options: AbortOptions = {}): AsyncGenerator<Block> {
    yield* this.#reader.blocks(await this.#serving(options), options)
  }

  /** Gives the shard up. Closing again does nothing. */
  async close(): Promise<void> {
    this.#lease?.release()
    this.#lease = undefined
    lost.unregister(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #sizeOf(cid: CID, options: AbortOptions): Promise<number | undefined> {
    const inline = inlineBytes(cid)
    if (inline !== undefined) return inline.length
    return this.#reader.size(await this.#serving(options), cid, options)
  }

  /** The shard, once it serves: its index may be in the making again. */
  async #serving(options: AbortOptions): Promise<LiveShard> {
    if (this.#lease === undefined) throw new ClosedError(`accessor of ${this.#shard.key}`)
    await this.#initialiser.ready(this.#shard, options)
    return this.#shard
  }
}
