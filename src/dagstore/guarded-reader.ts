import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { waitFor } from '../abort.ts'
import { verify } from '../block.ts'
import type { Block } from '../block.ts'
import { CardockError } from '../errors.ts'
import { blamesBytes, blamesIndex } from './blame.ts'
import type { CarLimits } from './car/limits.ts'
import { readCarStream } from './car/stream.ts'
import type { CixEntry } from './cix/reader.ts'
import type { Initialiser } from './initialiser.ts'
import { serves } from './shard.ts'
import type { ShardHealth } from './shard-health.ts'
import type { ShardReader } from './shard-reader.ts'
import type { LiveShard } from './shard-table.ts'

/**
 * Reads single shards and sees to what goes wrong: the shard is flagged with it, and where only the
 * index is damaged it is made again. The error is thrown on all the same, for the reader to turn to
 * another shard.
 */
export class GuardedReader {
  readonly #reader: ShardReader
  readonly #health: ShardHealth
  readonly #initialiser: Initialiser
  readonly #limits: CarLimits

  constructor(parts: {
    readonly reader: ShardReader
    readonly health: ShardHealth
    readonly initialiser: Initialiser
    readonly limits: CarLimits
  }) {
    this.#reader = parts.reader
    this.#health = parts.health
    this.#initialiser = parts.initialiser
    this.#limits = parts.limits
  }

  /** The verified block. @throws BLOCK_MISSING when the shard has it not, and what went wrong */
  async read(shard: LiveShard, cid: CID, options: AbortOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted()
    return waitFor(this.#guard(shard, this.#reader.read(shard, cid)), options)
  }

  /** Length of the block; undefined when the shard has it not. @throws what went wrong */
  async size(shard: LiveShard, cid: CID, options: AbortOptions = {}): Promise<number | undefined> {
    options.signal?.throwIfAborted()
    const locations = this.#guard(shard, this.#reader.locate(shard, cid))
    return (await waitFor(locations, options))[0]?.dataLength
  }

  /** Every section's block in file order, verified; a bad one ends it with its error. */
  async *blocks(shard: LiveShard, options: AbortOptions = {}): AsyncGenerator<Block> {
    try {
      const payload = this.#reader.payload(shard, options)
      const { blocks } = await readCarStream(payload, this.#limits)
      for await (const { cid, bytes } of blocks) yield { cid, bytes: verify(cid, bytes) }
    } catch (error) {
      await this.#report(shard, error)
      throw error
    }
  }

  /** Every multihash once, as the index lists them. */
  async *entries(shard: LiveShard, options: AbortOptions = {}): AsyncGenerator<CixEntry> {
    try {
      yield* (await this.#reader.openIndex(shard)).entries(options)
    } catch (error) {
      await this.#report(shard, error)
      throw error
    }
  }

  /** Whether blocks can be had of the shard. One whose file was not there is looked at now and then. */
  async canServe(shard: LiveShard, options: AbortOptions = {}): Promise<boolean> {
    if (!serves(shard.state)) await this.#health.revive(shard, options)
    return serves(shard.state)
  }

  async #guard<T>(shard: LiveShard, read: Promise<T>): Promise<T> {
    try {
      return await read
    } catch (error) {
      await this.#report(shard, error)
      throw error
    }
  }

  async #report(shard: LiveShard, error: unknown): Promise<void> {
    if (!(error instanceof CardockError)) return
    if (blamesBytes.has(error.code)) await this.#health.accuse(shard, error)
    if (!blamesIndex.has(error.code)) return
    await this.#health.fail(shard, error)
    this.#rebuild(shard)
  }

  /** In the background: what it comes to is seen on the shard. */
  #rebuild(shard: LiveShard): void {
    this.#initialiser.recover(shard).catch(() => {})
  }
}
