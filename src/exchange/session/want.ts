import type { CID } from 'multiformats/cid'
import type { Peer } from './providers.ts'

/** A block that came from a peer, verified, and is in the sink. */
export interface Arrival {
  readonly bytes: Uint8Array
  readonly ordinal: number
}

/** One block that somebody waits for, and who was asked. */
export class Want {
  readonly cid: CID
  readonly key: string
  readonly arrival: PromiseWithResolvers<Arrival> = Promise.withResolvers()
  /** Peers that owe an answer. */
  readonly asks: Map<Peer, AbortController> = new Map()
  /** Names of all who were ever asked, and of those of them who said that they lack it. */
  readonly askedOf: Set<string> = new Set()
  readonly refusedBy: Set<string> = new Set()
  waiters = 0
  /** The search for this very block, made once everybody refused it. */
  search: 'not made' | 'running' | 'ended' = 'not made'

  constructor(key: string, cid: CID) {
    this.key = key
    this.cid = cid
    this.arrival.promise.catch(() => {}) // all who waited may have left
  }

  get isRefusedByAll(): boolean {
    return this.refusedBy.size > 0 && this.refusedBy.size === this.askedOf.size
  }

  /** True while somebody who was asked is at work on it, as far as one can tell. */
  get isInHand(): boolean {
    return this.asks.keys().some(peer => !peer.isQuiet)
  }
}

/**
 * Whom to ask next for a want that is in nobody's hand: the peer with the least to do, at first and
 * after a refusal; everybody left when one was lost or went quiet, for time was lost then. Quiet
 * peers are asked last.
 */
export function whomToAsk(want: Want, connected: readonly Peer[]): readonly Peer[] {
  const left = connected.filter(peer => !want.asks.has(peer) && !want.refusedBy.has(peer.name))
  const lively = left.filter(peer => !peer.isQuiet)
  const candidates = lively.length > 0 ? lively : left
  const isFirst = want.refusedBy.size === want.askedOf.size
  if (!isFirst) return candidates
  return candidates.toSorted((a, b) => burden(a) - burden(b)).slice(0, 1)
}

/** What a peer has to do, more for one that refuses much; a new one counts as good. */
function burden({ owing, blocks, refusals }: Peer): number {
  return (owing + 1) * (0.1 + refusals / (1 + blocks + refusals))
}
