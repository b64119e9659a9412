import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import type { Datastore } from 'interface-datastore'
import { createLibp2p } from 'libp2p'
import { dhtServices, type RoutingType } from '../discovery/index.ts'
import type { Log } from '../log.ts'
import { announceFilter } from './announce-filter.ts'
import { writeProtocolsOnce } from './known-protocols.ts'
import { Liveness } from './liveness.ts'

/** Counts, sizes in bytes, times in milliseconds. */
export interface SwarmLimits {
  /** Connections in all; inbound ones over it are refused. */
  readonly maxConnections: number
  /** Inbound connections a second that one address may open. */
  readonly inboundConnectionThreshold: number
  /** Inbound connections that may be in their handshake at once. */
  readonly maxIncomingPendingConnections: number
  /** How long opening a connection may take, its handshakes included; one address gets less. */
  readonly dialTimeoutMs: number
  /** A connection on which nothing comes in for so long is closed. */
  readonly silenceMs: number
  /** How far a sender may run ahead of us on one stream, at most. */
  readonly streamWindowBytesMax: number
  /** How soon after the start a DHT table is filled by asking for ourselves. */
  readonly initialQuerySelfIntervalMs: number
}

const hour = 3_600_000

/** How long the addresses of other peers are remembered: as long as provider records live. */
const addressAgeMax = 48 * hour

/** Past its records a peer is remembered: with one provider unknown, the others go unnamed too. */
const peerAgeMax = 50 * hour

/** Times that a peer is asked for a sign of life before its silence ends the connection. */
const pingsInSilence = 6

/** Bytes that wait to go out on one stream. A message may be as large, not larger. */
const streamWriteBytesMax = 8_388_608

/** Leaves a second address of a peer some of the time when the first says nothing. */
const addressShare = 0.6

export interface NodeAddresses {
  readonly listen: readonly string[]
  /** Told to others in place of what is listened on, when not empty. */
  readonly announce?: readonly string[]
  /** Told to others as well. */
  readonly appendAnnounce?: readonly string[]
  /** Never told: addresses, or networks such as /ip4/10.0.0.0/ipcidr/8. */
  readonly noAnnounce?: readonly string[]
}

export interface Libp2pNodeOptions {
  readonly privateKey: PrivateKey
  readonly addresses: NodeAddresses
  readonly routing: RoutingType
  readonly log: Log
  readonly limits: SwarmLimits
  /** Keeps peers and provider records; in memory when absent. */
  readonly datastore?: Datastore
  /** Name and version that other peers see, such as `cardock/0.1.0`. */
  readonly userAgent?: string
}

/**
 * A libp2p node with the settings that Cardock needs, each because its default was seen to break:
 * `docs/decisions/` has the reasons and `test/interop/libp2p.test.ts` a test for each. It does not
 * run yet: whoever makes it starts it and stops it.
 */
export async function createLibp2pNode(options: Libp2pNodeOptions): Promise<Libp2p> {
  const { addresses, datastore, limits, log, privateKey, routing, userAgent } = options
  const liveness = new Liveness({ silenceMs: limits.silenceMs, log })
  const node = await createLibp2p({
    start: false,
    privateKey,
    ...(datastore === undefined ? {} : { datastore }),
    ...(userAgent === undefined ? {} : { nodeInfo: { userAgent } }),
    addresses: {
      listen: [...addresses.listen],
      announce: [...(addresses.announce ?? [])],
      appendAnnounce: [...(addresses.appendAnnounce ?? [])],
      announceFilter: announceFilter(peerIdFromPrivateKey(privateKey), addresses.noAnnounce ?? [])
    },
    transports: [tcp(), webSockets()],
    // In this order: TLS is 1.4 times as fast.
    connectionEncrypters: [tls(), noise()],
    streamMuxers: [yamux({ streamOptions: streamOptions(limits) })],
    connectionGater: liveness.gater,
    connectionManager: {
      maxConnections: limits.maxConnections,
      inboundConnectionThreshold: limits.inboundConnectionThreshold,
      maxIncomingPendingConnections: limits.maxIncomingPendingConnections,
      dialTimeout: limits.dialTimeoutMs,
      addressDialTimeout: limits.dialTimeoutMs * addressShare,
      inboundUpgradeTimeout: limits.dialTimeoutMs
    },
    // Its ping waits behind bulk data: on a slow link it fails while all is well.
    connectionMonitor: {
      abortConnectionOnPingFailure: false,
      pingInterval: limits.silenceMs / pingsInSilence
    },
    peerStore: { maxAddressAge: addressAgeMax, maxPeerAge: peerAgeMax },
    services: {
      identify: identify(),
      ping: ping(),
      ...dhtServices(routing, limits)
    }
  })
  writeProtocolsOnce(node.peerStore)
  node.addEventListener('start', () => liveness.start())
  node.addEventListener('stop', () => liveness.stop())
  return node
}

/** A paused reader must be able to hold a whole window, with room to spare, or its stream is reset. */
function streamOptions(limits: SwarmLimits): {
  maxStreamWindowSize: number
  maxReadBufferLength: number
  maxWriteBufferLength: number
} {
  return {
    maxStreamWindowSize: limits.streamWindowBytesMax,
    maxReadBufferLength: 2 * limits.streamWindowBytesMax,
    maxWriteBufferLength: streamWriteBytesMax
  }
}
