import { join } from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { LevelDatastore } from 'datastore-level'
import type { Dagstore } from '../dagstore/index.ts'
import { Discovery, type RoutingType } from '../discovery/index.ts'
import { createHeliaBitswap } from '../exchange/index.ts'
import type { Log } from '../log.ts'
import { version } from '../version.ts'
import { announceNew, nothingAnnounced } from './announcing.ts'
import { fetchStarter } from './begin-fetch.ts'
import type { Config } from './config-schema.ts'
import { ListenFailedError } from './errors.ts'
import { createLibp2pNode } from './libp2p.ts'
import type { Network } from './peer.ts'
import type { Repo } from './repo.ts'

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
    routing: canBeDialled(config) ? config.Routing.Type : clientOnly[config.Routing.Type],
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
  const announced = canBeDialled(config) ? dagstore : nothingAnnounced
  const discovery = new Discovery({
    libp2p,
    bootstrap: config.Bootstrap.map(address => multiaddr(address)),
    source: announced,
    cursors: announced,
    config: { reprovideIntervalMs: config.Announce.Interval },
    log
  })

  stack.defer(() => libp2p.stop())
  await listenWith(libp2p)
  stack.defer(() => exchange.stop())
  await exchange.start()
  stack.defer(() => discovery.stop())
  discovery.start()
  if (canBeDialled(config)) stack.defer(announceNew(dagstore, discovery))
  const begin = fetchStarter({ libp2p, exchange, discovery, dagstore, config, log })
  return { libp2p, exchange, discovery, begin }
}

/** A peer that listens nowhere, such as that of one command, would send others into the void. */
function canBeDialled({ Addresses: { Swarm, Announce, AppendAnnounce } }: Config): boolean {
  return [Swarm, Announce, AppendAnnounce].some(({ length }) => length > 0)
}

/** A DHT sends others to its servers. */
const clientOnly: Record<RoutingType, RoutingType> = {
  auto: 'autoclient',
  autoclient: 'autoclient',
  dht: 'dhtclient',
  dhtclient: 'dhtclient',
  none: 'none'
}

/** @throws LISTEN_FAILED naming the addresses */
async function listenWith(libp2p: Libp2p): Promise<void> {
  try {
    await libp2p.start()
  } catch (cause) {
    if (!(cause instanceof Error && cause.name === 'UnsupportedListenAddressesError')) throw cause
    // libp2p says in its message alone what happened where: a line for each address that failed.
    const lines = cause.message.matchAll(/^ *(\/\S+): *(.+)$/gm)
    const reasons = new Map(Array.from(lines, ([, address = '', why = '']) => [address, why]))
    throw new ListenFailedError(reasons, { cause })
  }
}
