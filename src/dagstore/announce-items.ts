import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { CardockError } from '../errors.ts'
import { inlineBytes } from '../block.ts'
import type { GuardedReader } from './guarded-reader.ts'
import { serves } from './shard.ts'
import type { LiveShard } from './shard-table.ts'
import type { StoreContext } from './store-context.ts'

/** Something to tell the network that we have. */
export interface AnnounceItem {
  /** To go on after this item, in this run or a later one. */
  readonly cursor: string
  readonly cid: CID
}

const pageSize = 64
const rawCodec = 0x55

/**
 * What the shards' policies say is to be announced, in the order in which the shards were indexed:
 * of each its roots, or every multihash as a CIDv1 of codec raw. Shards that cannot serve are left out.
 */
export async function* announceItems(
  { catalogue, shards }: Pick<StoreContext, 'catalogue' | 'shards'>,
  reader: GuardedReader,
  after: string | undefined
): AsyncGenerator<AnnounceItem> {
  const start = parseCursor(after)
  for (let from = start.seq; ;) {
    const page = catalogue.indexed(from, Number.MAX_SAFE_INTEGER, pageSize)
    for (const { key, seq = 0 } of page) {
      const shard = shards.find(key)
      if (shard?.record.seq !== seq) continue
      let item = 0
      for await (const cid of cidsOf(shard, reader)) {
        item += 1
        if (seq > start.seq || item > start.item) yield { cursor: `${seq}.${item}`, cid }
      }
    }
    const last = page.at(-1)?.seq
    if (last === undefined) return
    from = last + 1
  }
}

async function* cidsOf(shard: LiveShard, reader: GuardedReader): AsyncGenerator<CID> {
  const { announce, roots } = shard.record
  if (!serves(shard.state) || announce === 'none') return
  if (announce === 'roots') {
    yield* roots.filter(cid => inlineBytes(cid) === undefined)
    return
  }
  try {
    for await (const { hashCode, digest } of reader.entries(shard)) {
      if (hashCode !== 0) yield CID.createV1(rawCodec, createDigest(hashCode, digest))
    }
  } catch (error) {
    if (!(error instanceof CardockError)) throw error // the reader has flagged the shard
  }
}

/** What is no cursor of ours begins anew. */
function parseCursor(text = ''): { seq: number; item: number } {
  const [, seq = '0', item = '0'] = /^(\d+)\.(\d+)$/.exec(text) ?? []
  return { seq: Number(seq), item: Number(item) }
}
