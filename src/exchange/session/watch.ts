import type { FetchConfig } from './config.ts'
import type { Providers } from './providers.ts'

export interface WatchParts {
  readonly config: FetchConfig
  readonly providers: Providers
  /** Called now and then, after peers were looked at. */
  readonly onTick: () => void
  /** No news for the idle timeout. */
  readonly onSilence: () => void
}

/** Notices silence: of one peer that owes blocks, and of all of them. Runs while blocks are waited for. */
export class Watch {
  readonly #parts: WatchParts
  #ticking: NodeJS.Timeout | undefined
  #newsMs = 0

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#ticking !== undefined) return
    const { idleTimeoutMs, searchPauseMs, wantTimeoutMs } = this.#parts.config
    const tickMs = Math.min(1_000, searchPauseMs, idleTimeoutMs / 4, wantTimeoutMs / 4)
    this.#ticking = setInterval(() => this.#tick(), tickMs)
    this.news()
  }

  stop(): void {
    clearInterval(this.#ticking)
    this.#ticking = undefined
  }

  /** Something happened that a fetch may still come to an end by. */
  news(): void {
    this.#newsMs = performance.now()
  }

  #tick(): void {
    const { config, onSilence, onTick, providers } = this.#parts
    const nowMs = performance.now()
    if (nowMs - this.#newsMs > config.idleTimeoutMs) onSilence()
    for (const peer of providers.connected) {
      if (peer.owing === 0 || nowMs - peer.heardMs <= config.wantTimeoutMs) continue
      peer.isQuiet = true
      peer.heardMs = nowMs // looked at again after as long
      void providers.check(peer)
    }
    onTick()
  }
}
