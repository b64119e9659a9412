import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CardockError, ClosedError } from '../errors.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import { versionOf } from './catalogue/operations.ts'
import type { ShardRecord } from './catalogue/records.ts'
import {
  IndexCorruptError,
  IndexUnsupportedError,
  ResourceExhaustedError,
  ShardDestroyedError,
  ShardFailedError
} from './errors.ts'
import type { Initialiser } from './initialiser.ts'
import { fingerprintsOf } from './lookup/lookup.ts'
import type { LookupFeed } from './lookup-feed.ts'
import { FileMount } from './mounts/file-mount.ts'
import type { Registrar } from './registrar.ts'
import type { ShardReader } from './shard-reader.ts'
import type { LiveShard } from './shard-table.ts'
import { indexName, indexPath } from './store-context.ts'
import type { StoreContext, StoreFolders } from './store-context.ts'

/*
 * What makes a store whole again when it is opened, wherever the process before it ended. Data,
 * index, catalogue, lookup are written in this order; each step here gives what comes later in it
 * the benefit of what came earlier.
 */

const pageSize = 64
const batchKeysMax = 1_000_000

export async function makeFolders(folders: StoreFolders): Promise<void> {
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true })
}

/**
 * Takes away index files that the catalogue does not list, and has the shards indexed anew whose
 * file is not there.
 */
export async function matchIndices(catalogue: Catalogue, { indices }: StoreFolders): Promise<void> {
  const present = new Set<string>()
  for (const entry of await readdir(indices, { withFileTypes: true })) {
    if (entry.isFile()) present.add(entry.name)
  }
  const missing: number[] = []
  for (const version of catalogue.indexVersions()) {
    if (!present.delete(indexName(version))) missing.push(version.id)
  }
  for (const name of present) {
    if (/\.cix(\..*)?$/.test(name)) await rm(join(indices, name), { force: true })
  }
  for (const id of missing) {
    const record = catalogue.shardById(id)
    if (record !== undefined) await reindex(catalogue, record)
  }
}

async function reindex(catalogue: Catalogue, record: ShardRecord): Promise<void> {
  await catalogue.write('reindex', { ...versionOf(record), facts: record.facts })
}

interface LookupParts {
  readonly raw: ShardReader
  readonly feed: LookupFeed
}

/** Puts into the lookup what its runs do not have: seqs above the watermark, and of runs that are bad. */
export async function reloadLookup(store: StoreContext, parts: LookupParts): Promise<void> {
  const { catalogue, lookup } = store
  for (const seq of lookup.damaged) {
    await reloadPage(store, catalogue.indexed(seq, seq, 1), parts)
  }
  for (let from = catalogue.lookupFacts().watermark + 1; ;) {
    const page = catalogue.indexed(from, Number.MAX_SAFE_INTEGER, pageSize)
    await reloadPage(store, page, parts)
    const last = page.at(-1)?.seq
    if (last === undefined) return
    from = last + 1
  }
}

/** Reads small indices together, and adds them one after the other: their seqs are to ascend. */
async function reloadPage(
  store: StoreContext,
  records: readonly ShardRecord[],
  { raw, feed }: LookupParts
): Promise<void> {
  for (const batch of batchesOf(records)) {
    const read = batch.map(async record => readFingerprints(store, record, raw))
    for (const [at, fingerprints] of (await Promise.all(read)).entries()) {
      const seq = batch[at]?.seq
      if (seq !== undefined && fingerprints !== undefined) await feed.add(seq, fingerprints)
    }
    await feed.settled()
  }
}

/** So many that their keys fit in memory together; a larger one goes alone. */
function* batchesOf(records: readonly ShardRecord[]): Generator<ShardRecord[]> {
  let batch: ShardRecord[] = []
  let keys = 0
  for (const record of records) {
    if (batch.length > 0 && keys + record.blocks > batchKeysMax) {
      yield batch
      batch = []
      keys = 0
    }
    batch.push(record)
    keys += record.blocks
  }
  if (batch.length > 0) yield batch
}

/** Undefined when the index cannot be read: the shard is indexed anew. */
async function readFingerprints(
  { catalogue, folders, handles, secret, shards, log }: StoreContext,
  record: ShardRecord,
  raw: ShardReader
): Promise<Float64Array | undefined> {
  const { key } = record
  const shard = shards.get(key)
  try {
    return await fingerprintsOf(await raw.openIndex(shard), secret)
  } catch (error) {
    const isBad = error instanceof IndexCorruptError || error instanceof IndexUnsupportedError
    if (!isBad) throw error
    log.warn({ key, err: error }, 'the index is made again')
    shards.forget(shard)
    await reindex(catalogue, record)
    const path = indexPath(folders, record)
    await handles.forget(path)
    await rm(path, { force: true })
    return undefined
  }
}

/** Registers CARs of ours that were sealed when the process before ended and have no shard. */
export async function adoptSealed(store: StoreContext, registrar: Registrar): Promise<void> {
  const { catalogue, folders, log } = store
  const { url: folder } = FileMount.fromPath(folders.cars)
  const known = new Set([...catalogue.mountsIn(`${folder}/`), ...catalogue.doomedCars()])
  for (const name of await readdir(folders.cars)) {
    const { path, url } = FileMount.fromPath(join(folders.cars, name))
    if (!name.endsWith('.car') || known.has(url)) continue
    try {
      await registrar.enlist(path, { owned: true })
    } catch (error) {
      if (!(error instanceof CardockError) || error instanceof ResourceExhaustedError) throw error
      log.warn({ path, err: error }, 'a file among our CARs is none')
    }
  }
}

/**
 * Indexes what was registered and is not lazy, as many at a time as there are threads. What is wrong
 * with a shard is seen on it; what is wrong with this process ends the work until the next open.
 */
export async function initialiseWaiting(
  store: StoreContext,
  initialiser: Initialiser
): Promise<void> {
  const waiting = waitingShards(store)
  const work = async (): Promise<void> => {
    for (const shard of waiting) {
      try {
        await initialiser.ready(shard)
      } catch (error) {
        if (error instanceof ShardFailedError || error instanceof ShardDestroyedError) continue
        if (!(error instanceof ClosedError)) store.log.warn({ err: error }, 'indexing is put off')
        return
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: store.config.indexThreads }, work))
  } catch (error) {
    store.log.error({ err: error }, 'what waits to be indexed cannot be listed')
  }
}

function* waitingShards({ catalogue, shards }: StoreContext): Generator<LiveShard> {
  for (let afterId = 0; ;) {
    const page = catalogue.waiting(afterId, pageSize)
    for (const { key } of page) {
      const shard = shards.find(key)
      if (shard !== undefined) yield shard
    }
    const last = page.at(-1)?.id
    if (last === undefined) return
    afterId = last
  }
}
