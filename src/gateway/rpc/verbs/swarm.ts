import type { NoOptions, Verb } from '../verb.ts'
import { noArgs } from './options.ts'
import { providersAt } from './providers.ts'

export interface SwarmPeersValue {
  readonly Peers: readonly SwarmPeer[]
}

export interface SwarmPeer {
  readonly Addr: string
  readonly Peer: string
  readonly Direction: 'inbound' | 'outbound'
  /** Of the last ping, such as `12.3ms`; empty when it was not measured. */
  readonly Latency: string
  readonly Streams: readonly { readonly Protocol: string }[]
}

/** Every connection that is open. */
export const swarmPeersVerb: Verb<NoOptions, SwarmPeersValue> = {
  path: 'swarm/peers',
  route: 'kubo',
  output: 'values',
  args: noArgs,
  options: {},
  async *run({ peer }) {
    const Peers = peer.libp2p.getConnections().map(connection => ({
      Addr: connection.remoteAddr.toString().replace(/\/p2p\/[^/]+$/, ''),
      Peer: connection.remotePeer.toString(),
      Direction: connection.direction,
      Latency: connection.rtt === undefined ? '' : `${connection.rtt}ms`,
      Streams: connection.streams.map(({ protocol }) => ({ Protocol: protocol }))
    }))
    yield { Peers }
  }
}

export interface SwarmConnectValue {
  readonly Strings: readonly string[]
}

export const swarmConnectVerb: Verb<NoOptions, SwarmConnectValue> = {
  path: 'swarm/connect',
  route: 'kubo',
  output: 'values',
  args: { name: 'address', min: 1, max: Infinity },
  options: {},
  async *run({ peer }, { args, signal }) {
    for (const { addresses } of await providersAt(args)) {
      const { remotePeer } = await peer.libp2p.dial([...addresses], { signal })
      yield { Strings: [`connect ${remotePeer} success`] }
    }
  }
}
