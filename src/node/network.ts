import { join } from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import { LevelDatastore } from 'datastore-level'
import type { Dagstore } from '../dagstore/index.ts'
import { Discovery } from '../discovery/index.ts'
import type { PeerDialer, Provider } from '../exchange/index.ts'
import { createHeliaBitswap } from '../exchange/index.ts'
import type { Log } from '../log.ts'
import type { Config } from './config-schema.ts'
import { ProviderAddressError } from './errors.ts'
import { createLibp2pNode } from './libp2p.ts'
import type { Network } from './peer.ts'
import type { Repo } from './repo.ts'
import { version } from './version.ts'

export interface NetworkParts {
  readonly repo: Repo
  readonly config: Config
  readonly dagstore: Dagstore
  readonly log: Log
}

/**
 * Brings a peer onto the network: each part starts after what it stands on, and `stack` stops it
 * before that. It waits for no other peer, so that it takes as long without a network.
 */
export async function startNetwork(
  { repo, config, dagstore, log }: NetworkParts,
  stack: AsyncDisposableStack
): Promise<Network> {
  const datastore = new LevelDatastore(join(repo.layout.datastore, 'libp2p'))
  await datastore.open()
  stack.defer(() => datastore.close())

  const libp2p = await createLibp2pNode({
    privateKey: repo.identity,
    addresses: {
      listen: config.Addresses.Swarm,
      announce: config.Addresses.Announce,
      appendAnnounce: config.Addresses.AppendAnnounce,
      noAnnounce: config.Addresses.NoAnnounce
    },
    routing: config.Routing.Type,
    limits: {
      maxConnections: config.Swarm.MaxConnections,
      inboundConnectionThreshold: config.Swarm.InboundConnectionThreshold,
      maxIncomingPendingConnections: config.Swarm.MaxIncomingPendingConnections,
      dialTimeoutMs: config.Swarm.DialTimeout,
      silenceMs: config.Swarm.SilenceTimeout,
      streamWindowBytesMax: config.Swarm.StreamWindow,
      initialQuerySelfIntervalMs: config.Routing.InitialQuery
    },
    datastore,
    userAgent: `cardock/${version}`,
    log
  })
  const exchange = createHeliaBitswap({ libp2p, source: dagstore, log })
  const discovery = new Discovery({
    libp2p,
    bootstrap: config.Bootstrap.map(address => multiaddr(address)),
    source: dagstore,
    cursors: dagstore,
    config: { reprovideIntervalMs: config.Announce.Interval },
    log
  })

  stack.defer(() => libp2p.stop())
  await libp2p.start()
  stack.defer(() => exchange.stop())
  await exchange.start()
  stack.defer(() => discovery.stop())
  discovery.start()
  return { libp2p, exchange, discovery }
}

/** Connects to providers where they are said to be. */
export function dialerOf(libp2p: Libp2p): PeerDialer {
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

/** The provider that a multiaddr ending in /p2p/<id> names. @throws USAGE_INVALID without an id */
export function providerAt(address: Multiaddr): Provider {
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p' || last.value === undefined) {
    throw new ProviderAddressError(address.toString())
  }
  return { id: peerIdFromString(last.value), addresses: [address] }
}

function withPeerId(address: Multiaddr, id: string): Multiaddr {
  const isNamed = address.getComponents().some(component => component.name === 'p2p')
  return isNamed ? address : address.encapsulate(`/p2p/${id}`)
}
