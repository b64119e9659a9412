/** How far the last announcement of everything came. Times are ms since 1970. */
export interface Sweep {
  readonly startedAt: number
  /** Where it goes on; undefined at the beginning. At its end: what is newer stands behind it. */
  readonly after?: string
  /** Undefined while it runs. */
  readonly endedAt?: number
}

export type SweepEvent =
  | { readonly type: 'due'; readonly now: number }
  | { readonly type: 'grown' }
  | { readonly type: 'passed'; readonly cursor: string }
  | { readonly type: 'finished'; readonly now: number }

/** The sweep after `event`; undefined where the two do not go together. */
export function nextSweep(sweep: Sweep | undefined, event: SweepEvent): Sweep | undefined {
  const running = sweep !== undefined && sweep.endedAt === undefined
  if (event.type === 'due') return running ? undefined : { startedAt: event.now }
  if (sweep === undefined || running !== (event.type !== 'grown')) return undefined
  const { startedAt, after } = sweep
  if (event.type === 'passed') return { startedAt, after: event.cursor }
  const place = { startedAt, ...(after === undefined ? {} : { after }) }
  return event.type === 'grown' ? place : { ...place, endedAt: event.now }
}

/** When the next one begins: at once if there was none, never while one runs. */
export function dueAt(sweep: Sweep | undefined, intervalMs: number): number {
  if (sweep === undefined) return 0
  return sweep.endedAt === undefined ? Infinity : sweep.startedAt + intervalMs
}

/** As it is kept: JSON. */
export function encodeSweep(sweep: Sweep): Uint8Array {
  return Buffer.from(JSON.stringify(sweep))
}

/** Undefined for bytes that are none: then everything is announced, which is never wrong. */
export function decodeSweep(bytes: Uint8Array | undefined): Sweep | undefined {
  if (bytes === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { startedAt, after, endedAt } = value as Record<string, unknown>
  if (typeof startedAt !== 'number') return undefined
  return {
    startedAt,
    ...(typeof after === 'string' ? { after } : {}),
    ...(typeof endedAt === 'number' ? { endedAt } : {})
  }
}
