import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { BlockSource } from '../block.ts'
import type { Discovery } from '../discovery/index.ts'
import type { BlockSink, HeliaBitswap, PeerDialer } from '../exchange/index.ts'
import { FetchSession } from '../exchange/index.ts'
import type { Log } from '../log.ts'
import type { Config } from './config-schema.ts'
import type { BeginFetch } from './shared-session.ts'

export interface FetchNetwork {
  readonly libp2p: Libp2p
  readonly exchange: HeliaBitswap
  readonly discovery: Discovery
  readonly dagstore: BlockSource
  readonly config: Config
  readonly log: Log
}

/** How a peer that is on the network begins a fetch. */
export function fetchStarter(network: FetchNetwork): BeginFetch {
  const { libp2p, exchange, discovery, dagstore, config, log } = network
  const dialer = dialerOf(libp2p)
  return ({ sink, ...request }) =>
    new FetchSession({
      ...request,
      exchange,
      finder: discovery,
      dialer,
      local: dagstore,
      sink: passingOn(sink, network),
      config: {
        wantBytesMax: config.Fetch.Window,
        wantsMax: config.Fetch.MaxWants,
        wantTimeoutMs: config.Fetch.WantTimeout,
        idleTimeoutMs: config.Fetch.IdleTimeout,
        blockBytesMax: config.Fetch.MaxBlockSize,
        frontierBytesMax: config.Walk.MaxPending
      },
      log
    })
}

/** What is received is sent on at once to the peers that wait for it. */
function passingOn(sink: BlockSink, { exchange, log }: FetchNetwork): BlockSink {
  return {
    async append(block) {
      const ordinal = await sink.append(block)
      exchange.notify(block.cid).catch(err => {
        log.debug(
          { cid: block.cid.toString(), err },
          'a peer that waited for a block did not take it'
        )
      })
      return ordinal
    },
    ordinalOf: cid => sink.ordinalOf(cid),
    get: async (cid, options) => sink.get(cid, options),
    size: async cid => sink.size(cid)
  }
}

/** Connects to providers where they are said to be. */
function dialerOf(libp2p: Libp2p): PeerDialer {
  return {
    async dial({ id, addresses }, { signal } = {}) {
      const options = signal === undefined ? {} : { signal }
      if (libp2p.getConnections(id).length > 0) return id
      const target = addresses.map(address => withPeerId(address, id.toString()))
      await libp2p.dial(target.length === 0 ? id : target, options)
      return id
    }
  }
}

function withPeerId(address: Multiaddr, id: string): Multiaddr {
  const isNamed = address.getComponents().some(component => component.name === 'p2p')
  return isNamed ? address : address.encapsulate(`/p2p/${id}`)
}
