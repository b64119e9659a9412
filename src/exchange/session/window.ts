import { type AbortOptions, waitFor } from '../../abort.ts'
import type { FetchConfig } from './config.ts'

/** Assumed size of a block before any has come: that of a file's leaf. */
const firstGuessBytes = 262_144
/** Weight of the newest block in the running mean. */
const newestWeight = 1 / 16

interface EnterOptions extends AbortOptions {
  /** A reader waits for this very block: it goes before the walks, which only read ahead. */
  readonly urgent: boolean
}

/** How much may be asked for at once: a count, and bytes by the mean size of the blocks before. */
export class WantWindow {
  readonly #config: FetchConfig
  #count = 0
  #meanBytes = firstGuessBytes
  #urgent = 0
  #left: PromiseWithResolvers<void> | undefined

  constructor(config: FetchConfig) {
    this.#config = config
  }

  /** Waits for room and takes it, for one block; `leave` gives it back. */
  async enter({ urgent, signal }: EnterOptions): Promise<void> {
    if (urgent) this.#urgent += 1
    try {
      while (!this.#isOpen(urgent)) {
        this.#left ??= Promise.withResolvers()
        await waitFor(this.#left.promise, { signal })
      }
      this.#count += 1
    } finally {
      if (urgent) this.#urgent -= 1
    }
  }

  /** The block was written, `size` bytes long; undefined when it did not come. */
  leave(size: number | undefined): void {
    this.#count -= 1
    if (size !== undefined) this.#meanBytes += (size - this.#meanBytes) * newestWeight
    this.#left?.resolve()
    this.#left = undefined
  }

  #isOpen(urgent: boolean): boolean {
    const { wantsMax, wantBytesMax } = this.#config
    if (!urgent && this.#urgent > 0) return false
    if (this.#count === 0) return true
    return this.#count < wantsMax && (this.#count + 1) * this.#meanBytes <= wantBytesMax
  }
}
