import { join } from 'node:path'
import type { Log } from '../log.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import type { ShardVersion } from './catalogue/operations.ts'
import type { Indexer } from './cix/indexer.ts'
import type { DagstoreConfig } from './config.ts'
import type { FileHandles } from './handles.ts'
import type { Lookup } from './lookup/lookup.ts'
import type { ShardTable } from './shard-table.ts'

/** What the parts of one open store work with. */
export interface StoreContext {
  readonly config: DagstoreConfig
  readonly log: Log
  readonly folders: StoreFolders
  /** Keys the lookup's fingerprints. */
  readonly secret: Uint8Array
  readonly catalogue: Catalogue
  readonly handles: FileHandles
  readonly indexer: Indexer
  readonly lookup: Lookup
  readonly shards: ShardTable
}

/** Where things are in a repo. */
export interface StoreFolders {
  /** CARs that we own, open and sealed. */
  readonly cars: string
  /** A `.cix` for each shard. */
  readonly indices: string
  /** Runs of the lookup. */
  readonly runs: string
  /** The catalogue. */
  readonly records: string
}

export function foldersOf(repo: string): StoreFolders {
  return {
    cars: join(repo, 'cars'),
    indices: join(repo, 'index'),
    runs: join(repo, 'index', 'lookup'),
    records: join(repo, 'datastore')
  }
}

/** Name of the index of one generation of a shard: a late task cannot replace that of a newer one. */
export function indexName({ id, generation }: ShardVersion): string {
  return `${id}.${generation}.cix`
}

export function indexPath({ indices }: StoreFolders, version: ShardVersion): string {
  return join(indices, indexName(version))
}
