import { rm } from 'node:fs/promises'
import { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { versionOf } from './catalogue/operations.ts'
import { encodeRoots } from './catalogue/records.ts'
import type { IndexReport } from './cix/jobs.ts'
import { MountChangedError, MountUnavailableError, ShardDestroyedError } from './errors.ts'
import type { LookupFeed } from './lookup-feed.ts'
import type { Mount, MountFacts } from './mounts/mount.ts'
import type { ShardHealth } from './shard-health.ts'
import type { LiveShard } from './shard-table.ts'
import { indexPath } from './store-context.ts'
import type { StoreContext } from './store-context.ts'

/** What an index was made of. */
interface Indexed {
  readonly report: IndexReport
  readonly facts: MountFacts
}

/**
 * The steps that make a shard ready: index file, then the catalogue's word, then the lookup. Each is
 * durable before the next; wherever they end, opening the store or the next attempt goes on from there.
 */
export class ShardIndexing {
  readonly #store: StoreContext
  readonly #health: ShardHealth
  readonly #feed: LookupFeed

  constructor(store: StoreContext, { health, feed }: { health: ShardHealth; feed: LookupFeed }) {
    this.#store = store
    this.#health = health
    this.#feed = feed
  }

  /**
   * Voids the former index, if there is one, and moves the shard to its next generation, to be indexed
   * as its file is now. A file that an index was made of has to be the same still.
   *
   * @throws MOUNT_CHANGED, MOUNT_UNAVAILABLE, CATALOGUE_FAILED, RESOURCE_EXHAUSTED
   */
  async beginAnew(shard: LiveShard): Promise<void> {
    const { catalogue, handles, lookup, folders, shards } = this.#store
    const { record } = shard
    const wasIndexed = record.seq !== undefined
    const facts = await (wasIndexed ? this.#health.confirmMount(shard) : shard.mount.inspect())
    await catalogue.write('reindex', { ...versionOf(record), facts })
    // Not before: were the write to fail, the index would still count.
    if (record.seq !== undefined) lookup.remove(record.seq)
    shards.refresh(shard)
    shard.apply('reindex')
    shard.index = undefined
    const former = indexPath(folders, record)
    await handles.forget(former)
    await rm(former, { force: true })
  }

  /**
   * Indexes the shard. When it fails no index file is left.
   *
   * @throws what is wrong with the CAR or its file; SHARD_DESTROYED, CATALOGUE_FAILED, and the system's
   * own errors
   */
  async index(shard: LiveShard, options: AbortOptions): Promise<void> {
    try {
      await this.#store.handles.forget(shard.mount.path)
      const facts = await this.#health.confirmMount(shard, options)
      const report = await this.#makeIndex(shard, facts, options)
      await this.#commit(shard, { report, facts }, options)
    } catch (error) {
      const { record } = shard
      const isListed = record.seq !== undefined
      if (!isListed) await rm(indexPath(this.#store.folders, record), { force: true })
      throw isOfTheFile(error, shard.mount)
        ? new MountUnavailableError(shard.mount.url, { cause: error })
        : error
    }
  }

  async #makeIndex(
    { key, mount, record }: LiveShard,
    facts: MountFacts,
    options: AbortOptions
  ): Promise<IndexReport> {
    const { config, folders, secret, indexer } = this.#store
    const owner = { ...versionOf(record), key, mount: mount.url }
    const cix = { path: indexPath(folders, record), private: owner }
    const request = { carPath: mount.path, cix, secret, limits: config.car }
    const report = await indexer.indexCar(request, options)
    const { type } = await mount.check(facts, options)
    if (type !== 'same') throw new MountChangedError(mount.url, 'written to meanwhile')
    return report
  }

  async #commit(
    shard: LiveShard,
    { report, facts }: Indexed,
    { signal }: AbortOptions
  ): Promise<void> {
    const { catalogue, shards } = this.#store
    const { blocks, layout, fingerprints } = report
    const roots = encodeRoots(layout.roots.map(bytes => CID.decode(bytes)))
    const contents = { facts, roots, blocks, bytes: layout.payloadSize }
    signal?.throwIfAborted()
    const seq = await catalogue.write('index', { ...versionOf(shard.record), ...contents })
    if (seq === undefined) throw new ShardDestroyedError(shard.key)
    shards.refresh(shard)
    await this.#feed.add(seq, fingerprints)
    shard.apply('indexed')
  }
}

/** The CAR could not be opened or read, as the system says it. */
function isOfTheFile(error: unknown, { path }: Mount): boolean {
  if (!(error instanceof Error) || !('syscall' in error)) return false
  return error.syscall === 'read' || ('path' in error && error.path === path)
}
