import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { inlineBytes } from '../block.ts'
import type { BlockSource } from '../block.ts'
import { BlockMissingError, CardockError, HashUnsupportedError } from '../errors.ts'
import { ResourceExhaustedError, ShardFailedError } from './errors.ts'
import type { GuardedReader } from './guarded-reader.ts'
import type { InboundParts } from './inbound-parts.ts'
import type { Lookup } from './lookup/lookup.ts'
import type { LiveShard, ShardTable } from './shard-table.ts'

/** A place that may have the block; that it has it not it says with undefined or BLOCK_MISSING. */
interface Place {
  bytes(options: AbortOptions): Promise<Uint8Array | undefined>
  size(options: AbortOptions): Promise<number | undefined>
}

interface SearchParts {
  readonly lookup: Lookup
  readonly shards: ShardTable
  readonly reader: GuardedReader
  readonly parts: InboundParts
}

/**
 * Blocks out of whatever shard has them, and out of the CARs that are being received. A shard that
 * fails is not the end: the next one is asked.
 */
export class BlockSearch implements BlockSource {
  readonly #lookup: Lookup
  readonly #shards: ShardTable
  readonly #reader: GuardedReader
  readonly #parts: InboundParts

  constructor({ lookup, shards, reader, parts }: SearchParts) {
    this.#lookup = lookup
    this.#shards = shards
    this.#reader = reader
    this.#parts = parts
  }

  async get(cid: CID, options: AbortOptions = {}): Promise<Uint8Array> {
    const inline = inlineBytes(cid)
    if (inline !== undefined) return inline
    return this.#first(cid, options, async place => place.bytes(options))
  }

  async size(cid: CID, options: AbortOptions = {}): Promise<number> {
    const inline = inlineBytes(cid)
    if (inline !== undefined) return inline.length
    return this.#first(cid, options, async place => place.size(options))
  }

  async has(cid: CID, options: AbortOptions = {}): Promise<boolean> {
    if (inlineBytes(cid) !== undefined) return true
    const failures: CardockError[] = []
    const size = await this.#ask(cid, options, { of: async place => place.size(options), failures })
    const exhausted = exhaustionIn(failures)
    if (size === undefined && exhausted !== undefined) throw exhausted
    return size !== undefined
  }

  /** Keys of the shards that have the block and can serve it, the newest first. */
  async whoHas(cid: CID, options: AbortOptions = {}): Promise<string[]> {
    const keys: string[] = []
    for (const shard of this.#candidates(cid)) {
      try {
        if ((await this.#sizeIn(shard, cid, options)) !== undefined) keys.push(shard.key)
      } catch (error) {
        const failure = passOn(error, options)
        if (failure instanceof ResourceExhaustedError) throw failure
      }
    }
    return keys
  }

  /** What the first that has it answers. @throws BLOCK_MISSING, RESOURCE_EXHAUSTED, HASH_UNSUPPORTED */
  async #first<T>(
    cid: CID,
    options: AbortOptions,
    ask: (place: Place) => Promise<T | undefined>
  ): Promise<T> {
    const failures: CardockError[] = []
    const answer = await this.#ask(cid, options, { of: ask, failures })
    if (answer === undefined) throw this.#missing(cid, failures)
    return answer
  }

  /** As `#first`, undefined when nobody has it; why those that may have it failed is in `failures`. */
  async #ask<T>(
    cid: CID,
    options: AbortOptions,
    question: { of: (place: Place) => Promise<T | undefined>; failures: CardockError[] }
  ): Promise<T | undefined> {
    options.signal?.throwIfAborted()
    for (const place of this.#places(cid)) {
      try {
        const answer = await question.of(place)
        if (answer !== undefined) return answer
      } catch (error) {
        const failure = passOn(error, options)
        if (!(failure instanceof BlockMissingError)) question.failures.push(failure)
      }
    }
    return undefined
  }

  *#places(cid: CID): Generator<Place> {
    const part = this.#parts.holding(cid)
    if (part !== undefined) {
      yield {
        bytes: async options => part.get(options),
        size: async () => part.size()
      }
    }
    for (const shard of this.#candidates(cid)) {
      yield {
        bytes: async options => this.#bytesIn(shard, cid, options),
        size: async options => this.#sizeIn(shard, cid, options)
      }
    }
  }

  *#candidates({ multihash }: CID): Generator<LiveShard> {
    for (const seq of this.#lookup.candidates(multihash)) {
      const shard = this.#shards.findBySeq(seq)
      if (shard !== undefined) yield shard
    }
  }

  async #bytesIn(shard: LiveShard, cid: CID, options: AbortOptions): Promise<Uint8Array> {
    await this.#requireServing(shard, options)
    return this.#reader.read(shard, cid, options)
  }

  async #sizeIn(shard: LiveShard, cid: CID, options: AbortOptions): Promise<number | undefined> {
    await this.#requireServing(shard, options)
    return this.#reader.size(shard, cid, options)
  }

  async #requireServing(shard: LiveShard, options: AbortOptions): Promise<void> {
    if (await this.#reader.canServe(shard, options)) return
    throw new ShardFailedError(shard.key, shard.record.error?.message ?? 'its index is being made')
  }

  /** Out of room in this process is worth saying by itself: it is no reason to give the block up. */
  #missing(cid: CID, failures: readonly CardockError[]): CardockError {
    const exhausted = exhaustionIn(failures)
    if (exhausted !== undefined) return exhausted
    if (failures.length > 0) {
      const cause = new AggregateError(failures, failures.map(each => each.message).join('; '))
      return new BlockMissingError(cid, { reason: 'failed', cause })
    }
    return new BlockMissingError(cid, { reason: this.#parts.isFor(cid) ? 'fetching' : 'unknown' })
  }
}

function exhaustionIn(failures: readonly CardockError[]): CardockError | undefined {
  return failures.find(failure => failure instanceof ResourceExhaustedError)
}

/** A failure that another shard can make good; all else is thrown on. */
function passOn(error: unknown, { signal }: AbortOptions): CardockError {
  signal?.throwIfAborted()
  if (!(error instanceof CardockError) || error instanceof HashUnsupportedError) throw error
  return error
}
