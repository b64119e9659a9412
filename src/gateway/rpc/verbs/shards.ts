import type { ShardInfo } from '../../../node/index.ts'
import { announcePolicies, shardStateNames } from '../../../shards.ts'
import type { NoOptions, Verb } from '../verb.ts'
import { localPath } from './local-path.ts'
import { noArgs } from './options.ts'

/** A shard as the list shows it. Of one that is not `owned`, the file stays when it is destroyed. */
export type ShardValue = Omit<ShardInfo, 'roots'> & { readonly roots: readonly string[] }

interface ListOptions {
  readonly state?: ShardInfo['state'] | undefined
  readonly text?: string | undefined
}

/** Shards that are read from the catalogue at once. */
const pageSize = 1_000

/** Every shard, or those in one state or with a text in their key. */
export const listShardsVerb: Verb<ListOptions, ShardValue> = {
  path: 'dagstore/list-shards',
  route: 'own',
  output: 'values',
  args: noArgs,
  options: {
    state: { type: 'string', enum: shardStateNames, description: 'only shards in this state' },
    text: { type: 'string', description: 'only shards with this text in their key' }
  },
  async *run({ peer }, { options, signal }) {
    let after: string | undefined
    do {
      signal.throwIfAborted()
      const page = peer.dagstore.list({ ...options, after, limit: pageSize })
      yield* page.shards.map(valueOf)
      after = page.after
    } while (after !== undefined)
  }
}

interface RegisterOptions {
  readonly key?: string | undefined
  readonly lazy?: boolean | undefined
  readonly announce?: ShardInfo['announce'] | undefined
}

/** Serves a CAR of this machine, named by its absolute path, in place. */
export const registerShardVerb: Verb<RegisterOptions, ShardValue> = {
  path: 'dagstore/register-shard',
  route: 'own',
  output: 'values',
  args: { name: 'path', min: 1, max: 1 },
  options: {
    key: { type: 'string', description: "name of the shard (the CAR's first root)" },
    lazy: { type: 'boolean', description: 'index it when it is first read' },
    announce: { type: 'string', enum: announcePolicies, description: 'what to announce' }
  },
  async *run({ peer }, { args: [path = ''], options, signal }) {
    yield valueOf(await peer.dagstore.register(localPath(path), { ...options, signal }))
  }
}

/** Forgets a shard and its index; its CAR goes too when it is ours. */
export const destroyShardVerb: Verb<NoOptions, { readonly key: string }> = {
  path: 'dagstore/destroy-shard',
  route: 'own',
  output: 'values',
  args: { name: 'key', min: 1, max: 1 },
  options: {},
  async *run({ peer }, { args: [key = ''] }) {
    await peer.dagstore.destroy(key)
    yield { key }
  }
}

function valueOf(info: ShardInfo): ShardValue {
  return { ...info, roots: info.roots.map(String) }
}
