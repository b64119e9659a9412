import { availableParallelism } from 'node:os'
import { announcePolicies, type AnnouncePolicy } from '../shards.ts'
import type { RoutingType } from '../discovery/index.ts'
import type { Field } from './config-fields.ts'
import { address, addresses, duration, integer, oneOf, size } from './config-fields.ts'

/**
 * Everything that can be set, with the key paths of config.toml. Durations are in milliseconds and
 * sizes in bytes here; in the file they are text ('22h', '64MiB').
 */
export interface Config {
  /** Peers dialled to join the network: multiaddrs that end in /p2p/<id>. */
  readonly Bootstrap: readonly string[]
  readonly Addresses: {
    /** Where the peer listens for other peers. */
    readonly Swarm: readonly string[]
    /** Announced in place of what the peer listens on, when not empty. */
    readonly Announce: readonly string[]
    /** Announced beside what the peer listens on. */
    readonly AppendAnnounce: readonly string[]
    /** Never announced: addresses, or networks such as /ip4/10.0.0.0/ipcidr/8. */
    readonly NoAnnounce: readonly string[]
    /** Where the daemon's RPC listens. */
    readonly API: string
  }
  readonly Routing: {
    /** Whether this peer asks the DHT, serves it (dht) or only asks (dhtclient). */
    readonly Type: RoutingType
    /** How soon after the start a DHT table is filled by asking for ourselves. */
    readonly InitialQuery: number
  }
  readonly Announce: {
    /** What is announced of a new shard, unless the command says otherwise. */
    readonly Policy: AnnouncePolicy
    /** How often everything is announced again. */
    readonly Interval: number
  }
  readonly DAGStore: {
    /** CARs that are indexed at once, each in a thread of its own. */
    readonly MaxConcurrentIndex: number
    /** Read handles kept open over all shards. */
    readonly MaxOpenFiles: number
    /** Largest block that is taken from a CAR. */
    readonly MaxBlockSize: number
  }
  readonly Swarm: {
    /** Connections in all; inbound ones over it are refused. */
    readonly MaxConnections: number
    /** Inbound connections a second that one address may open. */
    readonly InboundConnectionThreshold: number
    /** Inbound connections that may be in their handshake at once. */
    readonly MaxIncomingPendingConnections: number
    /** How long opening a connection may take, its handshakes included; one address gets less. */
    readonly DialTimeout: number
    /** A connection on which nothing comes in for so long is closed. */
    readonly SilenceTimeout: number
    /** How far a sender may run ahead of us on one stream. */
    readonly StreamWindow: number
  }
  readonly Fetch: {
    /** Block bytes asked for and not yet there. */
    readonly Window: number
    /** Blocks asked for and not yet there. */
    readonly MaxWants: number
    /** A fetch to which nothing arrives for so long ends. */
    readonly IdleTimeout: number
    /** A want that one peer does not answer for so long is asked of the others. */
    readonly WantTimeout: number
    /** Largest block that is taken from a peer. */
    readonly MaxBlockSize: number
  }
  readonly Walk: {
    /** Different blocks in one DAG that is exported. A walk takes 32 to 64 bytes for each. */
    readonly MaxBlocks: number
    /** Links of one DAG that are known and not yet followed, in bytes. */
    readonly MaxPending: number
    /** Directories inside one another in what `get` unpacks. */
    readonly MaxDepth: number
  }
}

type Fields<T> = {
  readonly [K in keyof T]: T[K] extends readonly unknown[] ? Field<T[K]> : SectionFields<T[K]>
}
type SectionFields<T> = { readonly [K in keyof T]: Field<T[K]> }

/** kubo's list, but for its QUIC address, which this peer cannot dial. */
const publicBootstrap = [
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb',
  '/dnsaddr/bootstrap.libp2p.io/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt',
  '/dnsaddr/va1.bootstrap.libp2p.io/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8',
  '/ip4/104.131.131.82/tcp/4001/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ'
]

/** The one place of every default and every range. */
export const schema: Fields<Config> = {
  Bootstrap: addresses(publicBootstrap),
  Addresses: {
    Swarm: addresses(['/ip4/0.0.0.0/tcp/4001', '/ip6/::/tcp/4001', '/ip4/0.0.0.0/tcp/4002/ws']),
    Announce: addresses([]),
    AppendAnnounce: addresses([]),
    NoAnnounce: addresses([]),
    API: address('/ip4/127.0.0.1/tcp/5001')
  },
  Routing: {
    Type: oneOf('auto', ['auto', 'autoclient', 'dht', 'dhtclient', 'none']),
    InitialQuery: duration('1s', { min: '1ms', max: '1h' })
  },
  Announce: {
    Policy: oneOf('roots', announcePolicies),
    Interval: duration('22h', { min: '1m', max: '47h' })
  },
  DAGStore: {
    MaxConcurrentIndex: integer(Math.min(4, availableParallelism()), { min: 1, max: 64 }),
    MaxOpenFiles: integer(512, { min: 1, max: 1_000_000 }),
    MaxBlockSize: size('8MiB', { min: '1KiB', max: '1GiB' })
  },
  Swarm: {
    MaxConnections: integer(300, { min: 1, max: 1_000_000 }),
    InboundConnectionThreshold: integer(5, { min: 1, max: 1_000_000 }),
    MaxIncomingPendingConnections: integer(10, { min: 1, max: 1_000_000 }),
    DialTimeout: duration('10s', { min: '100ms', max: '10m' }),
    SilenceTimeout: duration('60s', { min: '15s', max: '1h' }),
    StreamWindow: size('8MiB', { min: '256KiB', max: '64MiB' })
  },
  Fetch: {
    Window: size('4MiB', { min: '64KiB', max: '256MiB' }),
    MaxWants: integer(256, { min: 1, max: 1_024 }),
    IdleTimeout: duration('30s', { min: '100ms', max: '1h' }),
    WantTimeout: duration('10s', { min: '100ms', max: '1h' }),
    MaxBlockSize: size('2MiB', { min: '1KiB', max: '8MiB' })
  },
  Walk: {
    MaxBlocks: integer(16_777_216, { min: 1, max: 268_435_456 }),
    MaxPending: size('64MiB', { min: '64KiB', max: '16GiB' }),
    MaxDepth: integer(1024, { min: 1, max: 65_536 })
  }
}
