import { availableParallelism } from 'node:os'
import { withDefaults } from '../defaults.ts'
import { carLimitDefaults } from './car/limits.ts'
import type { CarLimits } from './car/limits.ts'
import type { AnnouncePolicy } from '../shards.ts'
import { resolveInbound } from './inbound/config.ts'
import type { InboundConfig } from './inbound/config.ts'
import { lookupDefaults } from './lookup/lookup.ts'
import type { LookupConfig } from './lookup/lookup.ts'

interface OwnConfig {
  /** CARs that are indexed at a time, each in a thread of its own. */
  readonly indexThreads: number
  /** Files that are open for reading at a time, over all shards. */
  readonly openFilesMax: number
  /** Shards that were used last and are kept ready to read from. */
  readonly readyShardsMax: number
  /** Parts of CARs that nobody is receiving at the time and that are kept open to answer reads. */
  readonly idlePartsMax: number
  /** Indices that may have to be read again at open, because no run of the lookup has them yet. */
  readonly reloadShardsMax: number
  /** Most shards in one page of a list. */
  readonly listMax: number
  /** How long a file that could not be read is left alone before a read tries it again. */
  readonly mountRetryMs: number
  /** Announce policy of shards that are registered without one. */
  readonly announce: AnnouncePolicy
}

/** How a store behaves. Times in milliseconds. */
export interface DagstoreConfig extends OwnConfig {
  /** What is read of CARs that others wrote. */
  readonly car: CarLimits
  /** How inbound CARs are written. */
  readonly inbound: InboundConfig
  /** What of the lookup is in memory. */
  readonly lookup: LookupConfig
}

export interface DagstoreSettings extends Partial<OwnConfig> {
  readonly car?: Partial<CarLimits> | undefined
  readonly inbound?: Partial<InboundConfig> | undefined
  readonly lookup?: Partial<LookupConfig> | undefined
}

const defaults: OwnConfig = {
  indexThreads: Math.min(4, availableParallelism()),
  openFilesMax: 256,
  readyShardsMax: 1024,
  idlePartsMax: 16,
  reloadShardsMax: 4096,
  listMax: 1000,
  mountRetryMs: 10_000,
  announce: 'roots'
}

export function resolveDagstore(settings: DagstoreSettings = {}): DagstoreConfig {
  const { car, inbound, lookup, ...own } = settings
  return {
    ...withDefaults(defaults, own),
    car: withDefaults(carLimitDefaults, car ?? {}),
    inbound: resolveInbound(inbound),
    lookup: withDefaults(lookupDefaults, lookup ?? {})
  }
}
