import type { NoOptions, Verb } from '../verb.ts'
import { cidOf } from './target.ts'

/** An event of a query, in kubo's shape. */
export interface RoutingValue {
  readonly Type: 2 | 4
  readonly ID: string
  readonly Responses: readonly { readonly ID: string; readonly Addrs: readonly string[] }[]
  readonly Extra: ''
}

/** kubo's numbers for what happened in a query: it ended at a peer, it found a provider. */
const finalPeer = 2
const provider = 4

const providersByDefault = 20

/** Peers that say they have the block. */
export const findProvsVerb: Verb<{ readonly 'num-providers'?: number }, RoutingValue> = {
  path: 'routing/findprovs',
  route: 'kubo',
  output: 'values',
  args: { name: 'cid', min: 1, max: 1 },
  options: {
    'num-providers': { type: 'integer', minimum: 1, description: 'providers to stop at (20)' }
  },
  async *run({ peer }, { args: [text = ''], options, signal }) {
    const cid = await cidOf(text)
    let left = options['num-providers'] ?? providersByDefault
    for await (const { id, addresses } of peer.discovery.findProviders(cid, { signal })) {
      yield event(provider, [{ ID: id.toString(), Addrs: addresses.map(String) }])
      if (--left === 0) return
    }
  }
}

/** Tells the network now that this peer has the blocks; yields each peer that took the record. */
export const provideVerb: Verb<NoOptions, RoutingValue> = {
  path: 'routing/provide',
  route: 'kubo',
  output: 'values',
  args: { name: 'cid', min: 1, max: Infinity },
  options: {},
  async *run({ peer }, { args, signal }) {
    for (const text of args) {
      const cid = await cidOf(text)
      const { peers } = await peer.discovery.provide(cid, { signal })
      for (const id of peers) yield { ...event(finalPeer, []), ID: id.toString() }
    }
  }
}

function event(Type: RoutingValue['Type'], Responses: RoutingValue['Responses']): RoutingValue {
  return { Type, ID: '', Responses, Extra: '' }
}
