import type { CID } from 'multiformats/cid'
import type { ErrorCode } from '../errors.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import { shardStateNames } from '../shards.ts'
import type { AnnouncePolicy, ShardStateName } from '../shards.ts'
import type { ShardRecord } from './catalogue/records.ts'
import { stateName } from './shard.ts'
import type { ShardState } from './shard.ts'
import { restingState } from './shard-table.ts'
import type { ShardTable } from './shard-table.ts'

/** A shard as it is at one moment. */
export interface ShardInfo {
  readonly key: string
  /** Of this registration of the key, never given twice. */
  readonly id: number
  readonly generation: number
  readonly state: ShardStateName
  /** URL. */
  readonly mount: string
  /** The CAR is ours, and goes when the shard is destroyed. */
  readonly owned: boolean
  readonly roots: readonly CID[]
  /** Unique multihashes; 0 until the shard is indexed. */
  readonly blocks: number
  /** Of the CARv1 payload; 0 until the shard is indexed. */
  readonly bytes: number
  readonly announce: AnnouncePolicy
  /** Accessors that are open. */
  readonly leases: number
  /** Why the shard is errored; on any other shard, that a block of it was found damaged. */
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

/** Which shards to list. */
export interface ListQuery {
  readonly state?: ShardStateName | undefined
  /** Part of the key or of the mount's URL. */
  readonly text?: string | undefined
  /** The page begins after this key: `after` of the page before. */
  readonly after?: string | undefined
  /** From 0 up to the store's `listMax`, which it also is when not given. */
  readonly limit?: number | undefined
}

export interface ShardPage {
  /** In the order of their keys. */
  readonly shards: readonly ShardInfo[]
  /** Shards on all pages. */
  readonly total: number
  /** Absent on the last page. */
  readonly after?: string
}

export function infoOf(shard: { record: ShardRecord; state: ShardState }): ShardInfo {
  const { record, state } = shard
  const { key, id, generation, mount, owned, roots, blocks, bytes, announce, error } = record
  return {
    key,
    id,
    generation,
    state: stateName(state),
    mount,
    owned,
    roots,
    blocks,
    bytes,
    announce,
    leases: state.leases,
    ...(error !== undefined && { error })
  }
}

/** What the catalogue has, with what goes on in this process laid over it. */
export class ShardListing {
  readonly #catalogue: Catalogue
  readonly #shards: ShardTable
  readonly #listMax: number

  constructor(store: { catalogue: Catalogue; shards: ShardTable; config: { listMax: number } }) {
    this.#catalogue = store.catalogue
    this.#shards = store.shards
    this.#listMax = store.config.listMax
  }

  list({ state, text, after = '', limit = this.#listMax }: ListQuery): ShardPage {
    const size = Math.max(0, Math.min(limit, this.#listMax))
    const active = this.#shards.active().map(shard => [shard.record.id, stateName(shard.state)])
    const query = { state, text, active: new Map(active as Iterable<[number, ShardStateName]>) }
    const records = this.#catalogue.page({ ...query, after, limit: size + 1 })
    const shards = records.slice(0, size).map(record => this.#infoOf(record))
    const last = records.length > size ? shards.at(-1)?.key : undefined
    const total = this.#catalogue.count(query)
    return last === undefined ? { shards, total } : { shards, total, after: last }
  }

  counts(): Record<ShardStateName, number> {
    const counts = Object.fromEntries(shardStateNames.map(name => [name, 0])) as Record<
      ShardStateName,
      number
    >
    for (const [name, count] of this.#catalogue.countsByState()) counts[name] += count
    for (const shard of this.#shards.active()) {
      const durable = this.#catalogue.stateOf(shard.record.id)
      if (durable === undefined) continue
      counts[durable] -= 1
      counts[stateName(shard.state)] += 1
    }
    return counts
  }

  #infoOf(record: ShardRecord): ShardInfo {
    const live = this.#shards.peek(record.key)
    return infoOf(live?.record.id === record.id ? live : { record, state: restingState(record) })
  }
}
