import { setTimeout as delay } from 'node:timers/promises'
import type { CID } from 'multiformats/cid'
import type { Log } from '../log.ts'
import { Alarm } from './alarm.ts'
import { type DiscoveryConfig, retryDelayMs } from './config.ts'
import { ProvideFailedError } from './errors.ts'
import { decodeSweep, dueAt, encodeSweep, nextSweep, type Sweep, type SweepEvent } from './sweep.ts'

/** Everything that is to be found through us, in an order that stays the same. */
export interface AnnounceSource {
  /** Items behind `after`, a cursor that it gave out earlier. */
  announceItems(options: { after?: string }): AsyncIterable<AnnounceItem>
}

export interface AnnounceItem {
  readonly cursor: string
  readonly cid: CID
}

/** Keeps a few bytes over a restart. */
export interface CursorStore {
  note(name: string): Uint8Array | undefined
  setNote(name: string, bytes: Uint8Array): Promise<void>
}

export interface AnnounceStatus {
  /** New items that wait, and items under way. A sweep's own are not counted in advance. */
  readonly queued: number
  /** Items that peers took, since the start. */
  readonly done: number
  /** Items given up until the next sweep, since the start. */
  readonly failed: number
  readonly lastError?: string
  /** True while everything is being announced again. */
  readonly sweeping: boolean
  /** Milliseconds by which the sweep under way is behind its interval. */
  readonly lagMs: number
  /** When everything is announced again, in ms since 1970; absent while that is under way. */
  readonly nextReprovideAt?: number
}

interface QueueParts {
  readonly source: AnnounceSource
  readonly cursors: CursorStore
  readonly config: DiscoveryConfig
  readonly log: Log
  /** Announces one item. @throws PROVIDE_FAILED when no peer took it */
  readonly provide: (cid: CID, signal: AbortSignal) => Promise<unknown>
  /** Resolves when there is somebody to tell, or `signal` aborts. */
  readonly ready: (signal: AbortSignal) => Promise<void>
}

const noteName = 'announce-sweep'

/**
 * What to announce next: new items first, then the sweep over all of them. The sweep's place is kept
 * after each step, so that a restart goes on where it was. An item is done only when a peer took it;
 * with nobody to tell, the queue waits.
 */
export class AnnounceQueue {
  readonly #parts: QueueParts
  readonly #alarm = new Alarm()
  readonly #fresh = new Map<string, CID>()
  #sweep: Sweep | undefined
  #remaining: AsyncIterator<AnnounceItem> | undefined
  /** New items were dropped: the next sweep must not wait. */
  #overflowed = false
  #underway = 0
  #done = 0
  #failed = 0
  #lastError: string | undefined

  constructor(parts: QueueParts) {
    this.#parts = parts
    this.#sweep = decodeSweep(parts.cursors.note(noteName))
  }

  /** Announces `cid` before the rest. Over the bound it is left to a sweep, which then comes next. */
  enqueue(cid: CID): void {
    if (this.#fresh.size < this.#parts.config.freshMax) this.#fresh.set(cid.toString(), cid)
    else this.#overflowed = true
    this.#alarm.ring()
  }

  drop(cid: CID): void {
    this.#fresh.delete(cid.toString())
  }

  status(now: number): AnnounceStatus {
    const { reprovideIntervalMs } = this.#parts.config
    const due = dueAt(this.#sweep, reprovideIntervalMs)
    const sweeping = due === Infinity
    const behind = now - (this.#sweep?.startedAt ?? now) - reprovideIntervalMs
    return {
      queued: this.#fresh.size + this.#underway,
      done: this.#done,
      failed: this.#failed,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      sweeping,
      lagMs: sweeping ? Math.max(0, behind) : 0,
      ...(sweeping ? {} : { nextReprovideAt: due })
    }
  }

  /** Runs until `signal` aborts, and rejects with its reason. */
  async run(signal: AbortSignal): Promise<never> {
    const { config, log, ready } = this.#parts
    for (let failures = 0; ;) {
      await ready(signal)
      signal.throwIfAborted()
      try {
        await this.#step(signal)
        failures = 0
      } catch (err) {
        await this.#remaining?.return?.()
        this.#remaining = undefined
        signal.throwIfAborted()
        failures += 1
        log.error({ err }, 'announcing stopped; it goes on from its last place')
        await this.#alarm.sleep(retryDelayMs(config, failures), { signal })
      }
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const { config } = this.#parts
    const fresh = [...this.#fresh].slice(0, config.provideConcurrency)
    if (fresh.length > 0) {
      for (const [key] of fresh) this.#fresh.delete(key)
      return this.#announceAll(
        fresh.map(([, cid]) => cid),
        signal
      )
    }
    const due = this.#overflowed ? 0 : dueAt(this.#sweep, config.reprovideIntervalMs)
    if (due === Infinity || this.#isRunning()) return this.#sweepOn(signal)
    if (due <= Date.now()) {
      this.#overflowed = false
      return this.#advance({ type: 'due', now: Date.now() })
    }
    await this.#alarm.sleep(Math.min(due - Date.now(), timerMax), { signal })
  }

  #isRunning(): boolean {
    return this.#sweep !== undefined && this.#sweep.endedAt === undefined
  }

  async #sweepOn(signal: AbortSignal): Promise<void> {
    const { config, log, source } = this.#parts
    const after = this.#sweep?.after
    if (this.#remaining === undefined) {
      const items = source.announceItems(after === undefined ? {} : { after })
      this.#remaining = items[Symbol.asyncIterator]()
    }
    const items: AnnounceItem[] = []
    while (items.length < config.provideConcurrency) {
      const next = await this.#remaining.next()
      if (next.done === true) break
      items.push(next.value)
    }
    await this.#announceAll(
      items.map(({ cid }) => cid),
      signal
    )
    const last = items.at(-1)
    if (last !== undefined) return this.#advance({ type: 'passed', cursor: last.cursor })
    this.#remaining = undefined
    const { lagMs } = this.status(Date.now())
    await this.#advance({ type: 'finished', now: Date.now() })
    log.info({ done: this.#done, failed: this.#failed, lagMs }, 'everything was announced')
  }

  async #advance(event: SweepEvent): Promise<void> {
    const sweep = nextSweep(this.#sweep, event)
    if (sweep === undefined) throw new Error(`no sweep for ${event.type}`)
    this.#sweep = sweep
    await this.#parts.cursors.setNote(noteName, encodeSweep(sweep))
  }

  async #announceAll(cids: readonly CID[], signal: AbortSignal): Promise<void> {
    this.#underway = cids.length
    try {
      await Promise.all(cids.map(async cid => this.#announce(cid, signal)))
    } finally {
      this.#underway = 0
    }
  }

  async #announce(cid: CID, signal: AbortSignal): Promise<void> {
    const { config, log } = this.#parts
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#parts.ready(signal)
        await this.#parts.provide(cid, signal)
        this.#done += 1
        return
      } catch (err) {
        signal.throwIfAborted()
        this.#lastError = err instanceof Error ? err.message : String(err)
        log.debug({ cid: cid.toString(), attempt, err }, 'announcement failed')
        const hopeless = err instanceof ProvideFailedError && err.permanent
        if (hopeless || attempt >= config.provideAttemptsMax) break
      }
      await delay(retryDelayMs(config, attempt), undefined, { ref: false, signal })
    }
    this.#failed += 1
  }
}

/** Longer delays than this end at once. */
const timerMax = 2 ** 31 - 1
