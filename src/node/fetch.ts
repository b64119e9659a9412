import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import type { BlockSource } from '../block.ts'
import type { Dagstore } from '../dagstore/index.ts'
import { BlockMissingError } from '../errors.ts'
import type { FetchProgress, Provider } from '../exchange/index.ts'
import { OfflineError } from './errors.ts'
import { measureDag } from './export.ts'
import type { WalkLimits } from './frontier.ts'
import type { Sessions } from './sessions.ts'

export interface FetchOptions extends AbortOptions {
  /** Asked beside those that the network names. */
  readonly providers?: readonly Provider[] | undefined
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined
}

/** A DAG that is whole here now. */
export interface FetchReport {
  readonly root: CID
  /** `local`: it was whole here before, and nothing was written. */
  readonly from: 'local' | 'network'
  /** Key of the shard that it became; undefined when it was here before. */
  readonly shard: string | undefined
  /** Different blocks of the DAG. */
  readonly blocks: number
  /** Bytes of these blocks. */
  readonly bytes: number
  /** How many of them were here before. */
  readonly reusedBlocks: number
  readonly durationMs: number
  /** Who sent blocks. */
  readonly peers: readonly string[]
}

export interface FetchParts {
  readonly dagstore: Dagstore
  readonly limits: WalkLimits
  /** Undefined when this peer is offline. */
  readonly sessions: Sessions | undefined
}

/** Makes a DAG whole here: as a new sealed shard, unless every block of it is in shards already. */
export async function fetchDag(
  root: CID,
  { dagstore, limits, sessions }: FetchParts,
  options: FetchOptions
): Promise<FetchReport> {
  const started = performance.now()
  const here = await measureDag(root, shardsOf(dagstore), { limits, signal: options.signal })
  if (here !== undefined) {
    const durationMs = performance.now() - started
    const reusedBlocks = here.blocks
    return { root, from: 'local', shard: undefined, ...here, reusedBlocks, durationMs, peers: [] }
  }
  if (sessions === undefined) throw new OfflineError(`fetching what of ${root} is not here`)
  await using use = await sessions.join(root, options)
  const { shard, progress } = await use.whole(options)
  return {
    root,
    from: 'network',
    shard: shard.key,
    blocks: shard.blocks,
    bytes: progress.bytes + progress.reusedBytes,
    reusedBlocks: progress.reusedBlocks,
    durationMs: performance.now() - started,
    peers: progress.peers
  }
}

/** Blocks in shards: those of a CAR that is still being received are not safe there yet. */
function shardsOf(dagstore: Dagstore): Pick<BlockSource, 'get' | 'size'> {
  return {
    get: (cid, options) => dagstore.get(cid, options),
    size: async (cid, options) => {
      const [shards] = await dagstore.whoHas([cid], options)
      if (shards === undefined || shards.length === 0) throw new BlockMissingError(cid)
      return dagstore.size(cid, options)
    }
  }
}
