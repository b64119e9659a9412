import { join } from 'node:path'
import type { Log } from '../log.ts'
import { BlockSearch } from './block-search.ts'
import { Catalogue } from './catalogue/catalogue.ts'
import { Indexer } from './cix/indexer.ts'
import type { DagstoreConfig } from './config.ts'
import { GuardedReader } from './guarded-reader.ts'
import { FileHandles } from './handles.ts'
import { InboundParts } from './inbound-parts.ts'
import { Initialiser } from './initialiser.ts'
import { Lookup } from './lookup/lookup.ts'
import { LookupFeed } from './lookup-feed.ts'
import {
  adoptSealed,
  initialiseWaiting,
  makeFolders,
  matchIndices,
  reloadLookup
} from './opening.ts'
import { Registrar } from './registrar.ts'
import { ShardHealth } from './shard-health.ts'
import { ShardIndexing } from './shard-indexing.ts'
import { ShardListing } from './shard-info.ts'
import { ShardReader } from './shard-reader.ts'
import { ShardTable } from './shard-table.ts'
import type { LiveShard } from './shard-table.ts'
import { foldersOf } from './store-context.ts'
import type { StoreContext } from './store-context.ts'

/** The parts of a store that is open. */
export interface OpenStore extends StoreContext {
  readonly initialiser: Initialiser
  readonly reader: GuardedReader
  readonly registrar: Registrar
  readonly parts: InboundParts
  readonly search: BlockSearch
  readonly listing: ShardListing
  /** Ends all work and closes all files. */
  close(): Promise<void>
}

interface StoreOptions {
  readonly dir: string
  readonly config: DagstoreConfig
  readonly log: Log
  readonly onIndexed: (shard: LiveShard) => void
}

/**
 * Opens a repo's store and heals it: what the process before left undone is undone or finished. What
 * has to be indexed still is indexed in the background.
 */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  await using opened = new AsyncDisposableStack()
  const context = await openContext(options, opened)
  const store = joinParts(context, options, opened)
  await store.registrar.bury()
  await reloadLookup(context, store)
  opened.defer(async () => store.parts.close())
  await store.parts.takeUp()
  await adoptSealed(context, store.registrar)

  const waiting = initialiseWaiting(context, store.initialiser)
  opened.defer(async () => {
    await store.initialiser.close()
    await waiting
  })
  const all = opened.move()
  return { ...store, close: async () => all.disposeAsync() }
}

/** What has files or threads is closed by `opened`, in reverse order. */
async function openContext(
  { dir, config, log }: StoreOptions,
  opened: AsyncDisposableStack
): Promise<StoreContext> {
  const folders = foldersOf(dir)
  await makeFolders(folders)
  const catalogue = await Catalogue.open(join(folders.records, 'catalogue.db'))
  opened.defer(async () => catalogue.close())
  await matchIndices(catalogue, folders)
  const { secret, watermark } = catalogue.lookupFacts()
  const live = new Set(catalogue.seqs())
  const lookup = await Lookup.open({
    dir: folders.runs,
    secret,
    runs: catalogue.runs(),
    watermark,
    isLive: seq => live.has(seq),
    config: config.lookup
  })
  const handles = new FileHandles({ max: config.openFilesMax })
  opened.defer(async () => handles.close())
  const indexer = new Indexer({ threads: config.indexThreads })
  opened.defer(async () => indexer.close())
  const shards = new ShardTable(catalogue, { readyMax: config.readyShardsMax })
  return { config, log, folders, secret, catalogue, handles, indexer, lookup, shards }
}

/** `raw` reads without flagging: for work on a shard that nobody else sees yet. */
type Joined = Omit<OpenStore, 'close'> & { readonly raw: ShardReader; readonly feed: LookupFeed }

function joinParts(
  context: StoreContext,
  { config, log, onIndexed }: StoreOptions,
  opened: AsyncDisposableStack
): Joined {
  const raw = new ShardReader(context)
  const health = new ShardHealth(context, raw)
  const feed = new LookupFeed(context)
  opened.defer(async () => feed.close())
  const indexing = new ShardIndexing(context, { health, feed })
  const initialiser = new Initialiser({ indexing, health, log, onIndexed })
  const reader = new GuardedReader({ reader: raw, health, initialiser, limits: config.car })
  const registrar = new Registrar(context, initialiser)
  const parts = new InboundParts({ dir: context.folders.cars, config, log })
  const search = new BlockSearch({ ...context, reader, parts })
  const listing = new ShardListing(context)
  return { ...context, raw, feed, initialiser, reader, registrar, parts, search, listing }
}
