import { anySignal } from '../../abort.ts'

/** How a piece of work tells how far it is, as often as it likes. */
interface Reporter<Progress> {
  readonly onProgress: (progress: Progress) => void
  readonly signal: AbortSignal
}

export type Reported<Progress, Result> =
  | { readonly progress: Progress }
  | { readonly result: Result }

/**
 * Yields how far `work` is, always the newest report when the reader comes for one, and at last its
 * result. Reports in between are dropped. A reader that leaves ends the work.
 *
 * @throws what the work throws
 */
export async function* reporting<Progress, Result>(
  work: (reporter: Reporter<Progress>) => Promise<Result>,
  signal: AbortSignal
): AsyncGenerator<Reported<Progress, Result>> {
  const left = new AbortController()
  const reports = new Newest<Progress>()
  const working = work({
    onProgress: progress => reports.put(progress),
    signal: anySignal(signal, left.signal)
  })
  const over = endWith(working, reports)
  try {
    for await (const progress of reports) yield { progress }
    yield { result: await working }
  } finally {
    left.abort()
    await over
  }
}

async function endWith(work: Promise<unknown>, reports: Newest<unknown>): Promise<void> {
  await Promise.allSettled([work])
  reports.end()
}

/** A queue with room for one value, which a newer one takes. It has one reader. */
class Newest<T> implements AsyncIterable<T> {
  #waiting: { readonly value: T } | undefined
  #isOver = false
  #news = Promise.withResolvers<void>()

  put(value: T): void {
    this.#waiting = { value }
    this.#news.resolve()
  }

  end(): void {
    this.#isOver = true
    this.#news.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const waiting = this.#waiting
      this.#waiting = undefined
      if (waiting !== undefined) yield waiting.value
      else if (this.#isOver) return
      else {
        await this.#news.promise
        this.#news = Promise.withResolvers()
      }
    }
  }
}
