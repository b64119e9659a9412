import { setTimeout as delay } from 'node:timers/promises'
import type { CID } from 'multiformats/cid'
import type { Log } from '../log.ts'
import { Alarm } from './alarm.ts'
import { type DiscoveryConfig, retryDelayMs } from './config.ts'
import { ProvideFailedError } from './errors.ts'
import { decodeSweep, dueAt, encodeSweep, nextSweep, type Sweep, type SweepEvent } from './sweep.ts'

/** Everything that is to be found through us, in an order that stays the same: what is new comes last. */
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
 * after each step, so that a restart goes on where it was; and from its end it goes on to what is new,
 * so that what was not announced before a stop, or came while nobody was online, is not forgotten.
 * An item is done only when a peer took it; with nobody to tell, the queue waits.
 */
export class AnnounceQueue {
  readonly #parts: QueueParts
  readonly #alarm = new Alarm()
  /** By multihash, as all sets here. */
  readonly #fresh = new Map<string, CID>()
  readonly #underway = new Set<string>()
  /** Announced as new, so that the sweep may pass them by. */
  readonly #told = new Set<string>()
  #sweep: Sweep | undefined
  #remaining: AsyncIterator<AnnounceItem> | undefined
  /** There may be items behind the end of the last sweep. */
  #grown = true
  #done = 0
  #failed = 0
  #lastError: string | undefined

  constructor(parts: QueueParts) {
    this.#parts = parts
    this.#sweep = decodeSweep(parts.cursors.note(noteName))
  }

  /** Announces `cid` before the rest. Over the bound it is left to the sweep, which goes on to it. */
  enqueue(cid: CID): void {
    const key = keyOf(cid)
    this.#told.delete(key)
    if (this.#fresh.size < this.#parts.config.freshMax) this.#fresh.set(key, cid)
    this.#grown = true
    this.#alarm.ring()
  }

  /** Ends the tries to announce `cid`. */
  drop(cid: CID): void {
    const key = keyOf(cid)
    for (const keys of [this.#fresh, this.#underway, this.#told]) keys.delete(key)
  }

  status(now: number): AnnounceStatus {
    const { reprovideIntervalMs } = this.#parts.config
    const due = dueAt(this.#sweep, reprovideIntervalMs)
    const sweeping = due === Infinity
    const behind = now - (this.#sweep?.startedAt ?? now) - reprovideIntervalMs
    return {
      queued: this.#fresh.size + this.#underway.size,
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
    if (this.#fresh.size > 0) return this.#announceFresh(signal)
    if (this.#isRunning()) return this.#sweepOn(signal)
    const nowMs = Date.now()
    const due = dueAt(this.#sweep, config.reprovideIntervalMs)
    if (due > nowMs && !this.#grown) {
      await this.#alarm.sleep(Math.min(due - nowMs, timerMax), { signal })
      return
    }
    this.#grown = false
    return this.#advance(due > nowMs ? { type: 'grown' } : { type: 'due', now: nowMs })
  }

  async #announceFresh(signal: AbortSignal): Promise<void> {
    const { freshMax, provideConcurrency } = this.#parts.config
    const fresh = [...this.#fresh].slice(0, provideConcurrency)
    for (const [key] of fresh) {
      this.#fresh.delete(key)
      if (this.#told.size < freshMax) this.#told.add(key)
    }
    await this.#announceAll(
      fresh.map(([, cid]) => cid),
      signal
    )
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
    const untold = items.map(({ cid }) => cid).filter(cid => !this.#told.delete(keyOf(cid)))
    await this.#announceAll(untold, signal)
    const last = items.at(-1)
    if (last !== undefined) return this.#advance({ type: 'passed', cursor: last.cursor })
    this.#remaining = undefined
    this.#told.clear()
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
    for (const cid of cids) this.#underway.add(keyOf(cid))
    try {
      await Promise.all(cids.map(async cid => this.#announce(cid, signal)))
    } finally {
      this.#underway.clear()
    }
  }

  async #announce(cid: CID, signal: AbortSignal): Promise<void> {
    const { config, log, provide, ready } = this.#parts
    const key = keyOf(cid)
    for (let attempt = 1; ; attempt += 1) {
      try {
        await ready(signal)
        if (!this.#underway.has(key)) return
        await provide(cid, signal)
        this.#done += 1
        break
      } catch (err) {
        signal.throwIfAborted()
        this.#lastError = err instanceof Error ? err.message : String(err)
        log.debug({ cid: cid.toString(), attempt, err }, 'announcement failed')
        const hopeless = err instanceof ProvideFailedError && err.permanent
        if (hopeless || attempt >= config.provideAttemptsMax) {
          this.#failed += 1
          break
        }
      }
      await delay(retryDelayMs(config, attempt), undefined, { ref: false, signal })
    }
    this.#underway.delete(key)
  }
}

/** What the DHT keeps records by: the multihash, whatever the codec. */
function keyOf({ multihash }: CID): string {
  return Buffer.from(multihash.bytes).toString('latin1')
}

/** Longer delays than this end at once. */
const timerMax = 2 ** 31 - 1
