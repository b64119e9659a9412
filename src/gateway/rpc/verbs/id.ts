import { version } from '../../../version.ts'
import type { NoOptions, Verb } from '../verb.ts'
import { noArgs } from './options.ts'

export interface IdValue {
  readonly ID: string
  /** Base64 of libp2p's protobuf. */
  readonly PublicKey: string
  /** Where others can dial it, each with its /p2p/<id>. Empty when it is offline. */
  readonly Addresses: readonly string[]
  readonly AgentVersion: string
  readonly Protocols: readonly string[]
}

export const idVerb: Verb<NoOptions, IdValue> = {
  path: 'id',
  route: 'kubo',
  output: 'values',
  args: noArgs,
  options: {},
  async *run({ peer }) {
    yield {
      ID: peer.id.toString(),
      // An Ed25519 id is its public key, in an identity multihash.
      PublicKey: Buffer.from(peer.id.toMultihash().digest).toString('base64'),
      Addresses: peer.addresses.map(String),
      AgentVersion: `cardock/${version}`,
      Protocols: peer.isOffline ? [] : peer.libp2p.getProtocols().sort()
    }
  }
}
