import { setTimeout as delay } from 'node:timers/promises'
import { anySignal } from '../abort.ts'

/** A sleep that something else can end. One sleeper at a time. */
export class Alarm {
  #rung = new AbortController()

  /** Ends the sleep, or the next one if nobody sleeps. */
  ring(): void {
    this.#rung.abort()
  }

  /** True when it was rung, false after `ms`. @throws the reason of `signal` */
  async sleep(ms: number, { signal }: { readonly signal: AbortSignal }): Promise<boolean> {
    const rung = this.#rung.signal
    try {
      await delay(ms, undefined, { ref: false, signal: anySignal(signal, rung) })
    } catch (error) {
      signal.throwIfAborted()
      if (!rung.aborted) throw error
    }
    if (!rung.aborted) return false
    this.#rung = new AbortController()
    return true
  }
}
