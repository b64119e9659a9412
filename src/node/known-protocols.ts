import type { Peer, PeerData, PeerStore } from '@libp2p/interface'

/** How long what was written down of a peer is taken to be so, in milliseconds. */
const freshMs = 60_000
/** Peers that are remembered; over it all are forgotten, and written down once more. */
const peersMax = 1_024

interface Known {
  readonly peer: Peer
  readonly untilMs: number
}

/**
 * With every stream, at both of its ends, libp2p writes down that the peer speaks its protocol: under
 * a lock, a record is read from disk, merged and written. Helia opens a stream for each message, so
 * that this was a tenth of what a fetch cost. What was written down a moment ago is not written again.
 */
export function writeProtocolsOnce(peerStore: PeerStore): void {
  const merge = peerStore.merge.bind(peerStore)
  const known = new Map<string, Known>()
  peerStore.merge = async (id, data, options) => {
    const name = id.toString()
    const nowMs = performance.now()
    const before = known.get(name)
    if (before !== undefined && nowMs < before.untilMs && saysNothingNew(data, before.peer)) {
      return before.peer
    }
    const peer = await merge(id, data, options)
    if (known.size >= peersMax) known.clear()
    known.set(name, { peer, untilMs: nowMs + freshMs })
    return peer
  }
}

function saysNothingNew({ protocols, ...others }: PeerData, { protocols: known }: Peer): boolean {
  if (protocols === undefined || Object.keys(others).length > 0) return false
  return protocols.every(protocol => known.includes(protocol))
}
