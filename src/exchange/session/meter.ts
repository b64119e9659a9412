const seconds = 5

/** Bytes a second, over the last five full seconds. */
export class Meter {
  readonly #now: () => number
  readonly #buckets = new Float64Array(seconds + 1)
  readonly #started: number
  #second: number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#started = now() / 1000
    this.#second = Math.floor(this.#started)
  }

  add(bytes: number): void {
    const bucket = this.#advance() % this.#buckets.length
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + bytes
  }

  get rate(): number {
    const second = this.#advance()
    const running = this.#now() / 1000
    const span = Math.min(running - this.#started, seconds + (running - second))
    const bytes = this.#buckets.reduce((sum, bucket) => sum + bucket, 0)
    return span > 0 ? bytes / span : 0
  }

  /** The second of now; the buckets of those that nothing came in are emptied. */
  #advance(): number {
    const second = Math.floor(this.#now() / 1000)
    const steps = Math.min(second - this.#second, this.#buckets.length)
    for (let step = 0; step < steps; step++) {
      this.#buckets[(second - step) % this.#buckets.length] = 0
    }
    this.#second = second
    return second
  }
}
