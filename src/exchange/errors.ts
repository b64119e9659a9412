import type { CID } from 'multiformats/cid'
import { CardockError } from '../errors.ts'

/** Providers that could not be dialled: how many, and how many of them for each reason. */
export interface Undialable {
  readonly count: number
  readonly reasons: Readonly<Record<string, number>>
}

/** The DAG is not whole: every provider said that it lacks these blocks, and no other was found. */
export class FetchIncompleteError extends CardockError {
  readonly code = 'FETCH_INCOMPLETE'
  /** The first ones; `count` says how many there are in all. */
  readonly missing: readonly CID[]
  readonly count: number

  constructor(missing: readonly CID[], count: number) {
    super(
      `${plural(count, 'block')} of the DAG could not be fetched, no provider has ` +
        `${listed(missing, count)}: what came is kept, a later fetch asks for the rest`
    )
    this.missing = missing
    this.count = count
  }
}

/** Nothing came for too long from those who were asked. */
export class IdleTimeoutError extends CardockError {
  readonly code = 'IDLE_TIMEOUT'
  /** Peer ids of those who were asked. */
  readonly asked: readonly string[]
  /** The first blocks that were waited for; `count` says how many there were. */
  readonly waitingFor: readonly CID[]
  readonly count: number

  constructor(idleMs: number, asked: readonly string[], waitingFor: readonly CID[], count: number) {
    super(
      `nothing came for ${idleMs / 1000} s: asked ${listed(asked, asked.length)} for ` +
        `${listed(waitingFor, count)}; what came before is kept, a later fetch asks for the rest`
    )
    this.asked = asked
    this.waitingFor = waitingFor
    this.count = count
  }
}

/** There was nobody to ask: none was found, or none of those found could be dialled. */
export class ProvidersNotFoundError extends CardockError {
  readonly code = 'PROVIDERS_NOT_FOUND'
  readonly cid: CID
  readonly undialable: Undialable

  constructor(cid: CID, undialable: Undialable) {
    const { count, reasons } = undialable
    const why = Object.entries(reasons).map(([reason, times]) => `${times} x ${reason}`)
    super(
      count === 0
        ? `no provider of ${cid} was found: is a peer that has it online, and announcing it?`
        : `${plural(count, 'provider')} of ${cid} found, none can be dialled (${why.join('; ')})`
    )
    this.cid = cid
    this.undialable = undialable
  }
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** The first of `count` things by name, the others as a number. */
function listed(things: readonly unknown[], count: number): string {
  const shown = things.slice(0, 3).map(String)
  const others = count - shown.length
  return others > 0 ? `${shown.join(', ')} and ${others} more` : shown.join(', ')
}
