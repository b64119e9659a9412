import type { Multiaddr } from '@multiformats/multiaddr'
import type { Peer } from '../../../node/index.ts'
import { UsageInvalidError } from '../../errors.ts'
import { loadNode } from '../../node.ts'
import type { NoOptions, Verb } from '../verb.ts'
import { noArgs } from './options.ts'
import { providersAt } from './providers.ts'

/** The addresses that were listed, added or removed. */
export interface BootstrapValue {
  readonly Peers: readonly string[]
}

export const bootstrapListVerb: Verb<NoOptions, BootstrapValue> = {
  path: 'bootstrap/list',
  route: 'kubo',
  output: 'values',
  args: noArgs,
  options: {},
  async *run({ peer }) {
    yield { Peers: await readList(peer) }
  }
}

/** Adds to the list in the config; a running peer uses it at once. */
export const bootstrapAddVerb: Verb<NoOptions, BootstrapValue> = {
  path: 'bootstrap/add',
  route: 'kubo',
  output: 'values',
  args: { name: 'address', min: 1, max: Infinity },
  options: {},
  async *run({ peer }, { args }) {
    const added = await providersAt(args)
    const list = await readList(peer)
    await writeList(peer, [...new Set([...list, ...args])])
    if (!peer.isOffline) {
      for (const address of addressesOf(added)) peer.discovery.addBootstrap(address)
    }
    yield { Peers: args }
  }
}

export const bootstrapRemoveVerb: Verb<{ readonly all?: boolean | undefined }, BootstrapValue> = {
  path: 'bootstrap/rm',
  route: 'kubo',
  output: 'values',
  args: { name: 'address', min: 0, max: Infinity },
  options: { all: { type: 'boolean', description: 'remove every address' } },
  async *run({ peer }, { args, options: { all = false } }) {
    if (!all && args.length === 0) throw new UsageInvalidError('name an address, or say --all')
    const list = await readList(peer)
    const unknown = args.find(address => !list.includes(address))
    if (unknown !== undefined) throw new UsageInvalidError(`${unknown} is not in the list`)
    const removed = all ? list : args
    await writeList(
      peer,
      list.filter(address => !removed.includes(address))
    )
    if (!peer.isOffline) {
      const gone = addressesOf(await providersAt(removed))
      for (const address of gone) peer.discovery.removeBootstrap(address)
    }
    yield { Peers: removed }
  }
}

/** What the config says now: the peer's own copy is from its start. */
async function readList({ repo }: Peer): Promise<readonly string[]> {
  const { readConfig, resolveConfig } = await loadNode()
  return resolveConfig(await readConfig(repo.layout)).Bootstrap
}

async function writeList({ repo }: Peer, list: readonly string[]): Promise<void> {
  const { setConfig } = await loadNode()
  await setConfig(repo.layout, 'Bootstrap', JSON.stringify(list))
}

function addressesOf(providers: Awaited<ReturnType<typeof providersAt>>): Multiaddr[] {
  return providers.flatMap(({ addresses }) => addresses)
}
