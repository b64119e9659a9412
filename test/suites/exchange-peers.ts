import type { Libp2p } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { BlockSource } from '../../src/block.ts'
import type { Exchange } from '../../src/exchange/exchange.ts'
import type { PeerAccount } from '../../src/exchange/index.ts'
import { MapSource, startNode } from '../loopback.ts'

export interface TestedExchange extends Exchange {
  notify(cid: CID): Promise<void>
  account(peer: Libp2p['peerId']): PeerAccount | undefined
}

export type CreateExchange = (parts: { libp2p: Libp2p; source: BlockSource }) => TestedExchange

export interface Peer {
  readonly libp2p: Libp2p
  readonly exchange: TestedExchange
}

interface Peers {
  readonly startPeer: (source?: BlockSource) => Promise<Peer>
  /** Two; the first holds `source`, the second has dialled it. */
  readonly withPair: (source: BlockSource, body: PairBody) => Promise<void>
}

type PairBody = (server: Peer, client: Peer) => Promise<void>

/** Peers over the exchange that is tested. */
export function peersWith(create: CreateExchange): Peers {
  async function startPeer(source: BlockSource = new MapSource()): Promise<Peer> {
    const libp2p = await startNode()
    const exchange = create({ libp2p, source })
    await exchange.start()
    return { libp2p, exchange }
  }
  return {
    startPeer,
    async withPair(source, body) {
      const [server, client] = await Promise.all([startPeer(source), startPeer()])
      try {
        await client.libp2p.dial(server.libp2p.getMultiaddrs())
        await body(server, client)
      } finally {
        await stopPeers(server, client)
      }
    }
  }
}

export async function stopPeers(...peers: readonly Peer[]): Promise<void> {
  for (const { exchange, libp2p } of peers) {
    await exchange.stop()
    await libp2p.stop()
  }
}

/** A block of one peer, within 10 s. */
export async function wanted(exchange: Exchange, cid: CID, from: Libp2p): Promise<Uint8Array> {
  return exchange.want(cid, { signal: AbortSignal.timeout(10_000), from: [from.peerId] })
}
