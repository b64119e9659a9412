/** The last argument of everything that waits. The caller's own reason comes out unchanged. */
export interface AbortOptions {
  readonly signal?: AbortSignal | undefined
}

/** One signal that follows all of `signals`; undefined ones are left out. */
export function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter(signal => signal !== undefined))
}

/**
 * Waits for `work`, but no longer than `signal` allows. The work itself goes on: many callers can
 * wait for one piece of work, and one of them leaving harms no other.
 */
export async function waitFor<T>(work: Promise<T>, { signal }: AbortOptions): Promise<T> {
  if (signal === undefined) return work
  signal.throwIfAborted()
  const left = Promise.withResolvers<never>()
  const onAbort = (): void => left.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, left.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
