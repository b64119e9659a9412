import { waitFor } from '../abort.ts'
import type { AbortOptions } from '../abort.ts'
import { CardockError, ClosedError } from '../errors.ts'
import type { Log } from '../log.ts'
import { blamesIndex, blamesMount, blamesStore } from './blame.ts'
import { ShardDestroyedError, ShardFailedError } from './errors.ts'
import { exhaustionOf } from './exhaustion.ts'
import { serves } from './shard.ts'
import type { ShardHealth } from './shard-health.ts'
import type { ShardIndexing } from './shard-indexing.ts'
import type { LiveShard, ShardWork } from './shard-table.ts'

/** A shard has been indexed. */
type IndexedListener = (shard: LiveShard) => void

interface InitialiserParts {
  readonly indexing: ShardIndexing
  readonly health: ShardHealth
  readonly log: Log
  readonly onIndexed: IndexedListener
}

/**
 * Makes shards ready to serve. However many wait for a shard there is one initialisation, which ends
 * when it is done, the shard is destroyed or the store closes, not when somebody stops waiting.
 */
export class Initialiser {
  readonly #indexing: ShardIndexing
  readonly #health: ShardHealth
  readonly #log: Log
  readonly #onIndexed: IndexedListener
  readonly #working = new Set<LiveShard>()
  #closed = false

  constructor({ indexing, health, log, onIndexed }: InitialiserParts) {
    this.#indexing = indexing
    this.#health = health
    this.#log = log
    this.#onIndexed = onIndexed
  }

  /**
   * Waits until the shard serves. Starts its initialisation if nobody did, and brings a failed shard
   * back where that needs no decision: its file is as it was, or only its index is damaged.
   *
   * @throws SHARD_FAILED, SHARD_DESTROYED, RESOURCE_EXHAUSTED, CLOSED
   */
  async ready(shard: LiveShard, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (serves(shard.state)) return
    if (shard.work === undefined && shard.state.health === 'failed') {
      await this.#retry(shard, options)
    }
    await this.recover(shard, options)
  }

  /** Takes a lease on the shard, found to serve and to be the file that was indexed. @throws as `ready` */
  async acquire(shard: LiveShard, options: AbortOptions = {}): Promise<void> {
    do {
      await this.ready(shard, options)
      await this.confirm(shard, options)
    } while (!shard.apply('acquire'))
  }

  /** As `ready`, but a shard that failed for whatever reason is indexed anew. */
  async recover(shard: LiveShard, options: AbortOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    if (serves(shard.state)) return
    if (this.#closed) throw new ClosedError('dagstore')
    shard.work ??= this.#start(shard)
    await waitFor(shard.work.done, options)
  }

  /** The shard's file is the one that was indexed. @throws SHARD_FAILED, having marked it, if not */
  async confirm(shard: LiveShard, options: AbortOptions = {}): Promise<void> {
    await this.#blame(shard, this.#health.confirmMount(shard, options))
  }

  /** Cancels what is under way; those who wait get CLOSED. */
  async close(): Promise<void> {
    this.#closed = true
    const work = [...this.#working].map(shard => shard.work)
    for (const each of work) each?.cancel(new ClosedError('dagstore'))
    await Promise.allSettled(work.map(async each => each?.done))
  }

  /** @throws SHARD_FAILED when the shard has to stay as it is */
  async #retry(shard: LiveShard, options: AbortOptions): Promise<void> {
    const code = shard.record.error?.code
    if (code !== undefined && blamesIndex.has(code) && shard.state.fact === 'indexed') return
    if (code === undefined || !blamesMount.has(code)) throw failureOf(shard)
    await this.#blame(shard, this.#health.restore(shard, options))
  }

  /** What a check finds wrong with the file is the shard's failure. */
  async #blame(shard: LiveShard, check: Promise<unknown>): Promise<void> {
    try {
      await check
    } catch (error) {
      const isOfTheMount = error instanceof CardockError && blamesMount.has(error.code)
      throw isOfTheMount ? failureOf(shard, error) : error
    }
  }

  #start(shard: LiveShard): ShardWork {
    if (shard.state.fact === 'destroyed') throw new ShardDestroyedError(shard.key)
    const isRecovery = shard.apply('recover')
    if (!isRecovery && !shard.apply('initialise')) throw failureOf(shard)
    const cancelled = new AbortController()
    this.#working.add(shard)
    const done = this.#run(shard, { isRecovery, signal: cancelled.signal }).finally(() => {
      shard.work = undefined
      this.#working.delete(shard)
    })
    done.catch(() => {}) // whoever waits gets it; it may be that nobody does
    return { done, cancel: reason => cancelled.abort(reason) }
  }

  async #run(
    shard: LiveShard,
    options: { isRecovery: boolean; signal: AbortSignal }
  ): Promise<void> {
    const began = performance.now()
    try {
      if (options.isRecovery) await this.#indexing.beginAnew(shard)
      await this.#indexing.index(shard, options)
    } catch (error) {
      throw await this.#judge(shard, error, options)
    }
    const { key, record } = shard
    const durationMs = Math.round(performance.now() - began)
    this.#log.debug({ key, blocks: record.blocks, durationMs }, 'shard indexed')
    this.#onIndexed(shard)
  }

  /** Marks the shard failed, unless the error is about this process or is a bug of ours. */
  async #judge(shard: LiveShard, error: unknown, { signal }: AbortOptions): Promise<unknown> {
    const exhaustion = exhaustionOf(error)
    const isOfTheShard = error instanceof CardockError && !blamesStore.has(error.code)
    if (signal?.aborted === true || exhaustion !== undefined || !isOfTheShard) {
      shard.apply('interrupt')
      return signal?.aborted === true ? signal.reason : (exhaustion ?? error)
    }
    await this.#health.failWork(shard, error)
    return failureOf(shard, error)
  }
}

function failureOf(shard: LiveShard, cause?: unknown): ShardFailedError {
  const reason = shard.record.error?.message ?? 'unknown reason'
  return new ShardFailedError(shard.key, reason, cause === undefined ? undefined : { cause })
}
