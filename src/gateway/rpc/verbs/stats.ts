import type { NoOptions, Verb } from '../verb.ts'
import { noArgs } from './options.ts'

export interface BitswapValue {
  readonly Wantlist: readonly { readonly '/': string }[]
  readonly Peers: readonly string[]
  readonly BlocksReceived: number
  readonly DataReceived: number
  readonly BlocksSent: number
  readonly DataSent: number
  readonly DupBlksReceived: number
  readonly DupDataReceived: number
  readonly MessagesReceived: number
}

/** What went over bitswap since the peer began. */
export const statsBitswapVerb: Verb<NoOptions, BitswapValue> = {
  path: 'stats/bitswap',
  route: 'kubo',
  output: 'values',
  args: noArgs,
  options: {},
  async *run({ peer }) {
    const stats = peer.exchange.stats()
    yield {
      Wantlist: stats.wantlist.map(cid => ({ '/': cid })),
      Peers: stats.peers,
      BlocksReceived: stats.blocksReceived,
      DataReceived: stats.dataReceived,
      BlocksSent: stats.blocksSent,
      DataSent: stats.dataSent,
      DupBlksReceived: stats.dupBlksReceived,
      DupDataReceived: stats.dupDataReceived,
      MessagesReceived: stats.messagesReceived
    }
  }
}
