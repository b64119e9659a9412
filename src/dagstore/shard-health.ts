import type { AbortOptions } from '../abort.ts'
import { BlockMismatchError } from '../errors.ts'
import type { CardockError } from '../errors.ts'
import { versionOf } from './catalogue/operations.ts'
import type { ShardVersion } from './catalogue/operations.ts'
import { MountChangedError, MountUnavailableError } from './errors.ts'
import type { MountFacts } from './mounts/mount.ts'
import type { ShardReader } from './shard-reader.ts'
import type { LiveShard } from './shard-table.ts'
import type { StoreContext } from './store-context.ts'

/** Sections that are hashed when a file has another time or inode but may be as before. */
const sampleSections = 16

/** Finds out how shards are and writes it down. */
export class ShardHealth {
  readonly #store: StoreContext
  readonly #reader: ShardReader

  constructor(store: StoreContext, reader: ShardReader) {
    this.#store = store
    this.#reader = reader
  }

  /**
   * The shard serves nothing until something brings it back. Resolves when that is durable. While the
   * shard is worked on the work alone says how it is: it began after what the caller has seen.
   */
  async fail(shard: LiveShard, error: CardockError): Promise<void> {
    if (shard.work === undefined) await this.failWork(shard, error)
  }

  /** `fail`, of the work on the shard. */
  async failWork(shard: LiveShard, error: CardockError): Promise<void> {
    const { activity, health } = shard.state
    const isFailed = health === 'failed' && activity === 'idle'
    if (isFailed || !shard.apply('fail')) return
    shard.retryAt = performance.now() + this.#store.config.mountRetryMs
    await this.#mark(shard, 'failed', error)
  }

  /**
   * Bytes were read that are not those that were indexed. When the file was touched since, somebody
   * changed it and the shard fails; else the disk did, and the shard goes on serving its other blocks.
   */
  async accuse(shard: LiveShard, error: CardockError): Promise<void> {
    const check = await shard.mount.check(shard.record.facts)
    const { url } = shard.mount
    switch (check.type) {
      case 'same':
        return this.#damage(shard, error)
      case 'touched':
        return this.fail(shard, new MountChangedError(url, 'other bytes inside'))
      case 'changed':
        return this.fail(shard, new MountChangedError(url, check.what))
      case 'missing':
        return this.fail(shard, new MountUnavailableError(url, { cause: check.cause }))
    }
  }

  /**
   * Finds the file to be the one that the catalogue knows, or fails the shard with what is wrong.
   * Returns the file's facts as they are now.
   *
   * @throws MOUNT_CHANGED, MOUNT_UNAVAILABLE, RESOURCE_EXHAUSTED
   */
  async confirmMount(shard: LiveShard, options: AbortOptions = {}): Promise<MountFacts> {
    const { mount, record } = shard
    const check = await mount.check(record.facts, options)
    if (check.type !== 'same') await this.#store.handles.forget(mount.path)
    switch (check.type) {
      case 'same':
        return record.facts
      case 'touched':
        await this.#acceptTouched(shard, check.facts)
        return check.facts
      case 'changed':
        return this.#failMount(shard, new MountChangedError(mount.url, check.what))
      case 'missing':
        return this.#failMount(shard, new MountUnavailableError(mount.url, { cause: check.cause }))
    }
  }

  /** A shard that failed because of its file serves again if that is as it was. @throws as `confirmMount` */
  async restore(shard: LiveShard, options: AbortOptions = {}): Promise<void> {
    await this.confirmMount(shard, options)
    await this.#restored(shard, shard.record.facts)
  }

  /** Tries `restore` on a shard whose file was not there, if that was not tried a moment ago. */
  async revive(shard: LiveShard, options: AbortOptions = {}): Promise<void> {
    const { code } = shard.record.error ?? {}
    const now = performance.now()
    if (code !== 'MOUNT_UNAVAILABLE' || now < shard.retryAt) return
    shard.retryAt = now + this.#store.config.mountRetryMs
    try {
      await this.restore(shard, options)
    } catch (error) {
      if (!(error instanceof MountUnavailableError || error instanceof MountChangedError))
        throw error
    }
  }

  async #damage(shard: LiveShard, error: CardockError): Promise<void> {
    if (shard.state.health !== 'ok' || !shard.apply('damage')) return
    await this.#mark(shard, 'damaged', error)
  }

  async #acceptTouched(shard: LiveShard, facts: MountFacts): Promise<void> {
    // While the index is being made there is none to take a sample by.
    if (shard.state.fact !== 'indexed' || shard.state.activity !== 'idle') return
    try {
      await this.#reader.verifySample(shard, sampleSections)
    } catch (error) {
      if (!(error instanceof BlockMismatchError)) throw error
      const changed = new MountChangedError(shard.mount.url, 'other bytes inside')
      return this.#failMount(shard, changed)
    }
    await this.#restored(shard, facts)
  }

  async #failMount(shard: LiveShard, error: CardockError): Promise<never> {
    await this.fail(shard, error)
    throw error
  }

  async #restored(shard: LiveShard, facts: MountFacts): Promise<void> {
    if (shard.state.fact !== 'indexed') return
    shard.apply('restore')
    await this.#store.catalogue.write('restore', { ...versionOf(shard.record), facts })
    this.#store.shards.refresh(shard)
  }

  async #mark(shard: LiveShard, health: 'damaged' | 'failed', error: CardockError): Promise<void> {
    const { code, message } = error
    const version: ShardVersion = versionOf(shard.record)
    shard.record = { ...shard.record, health, error: { code, message } }
    this.#store.log.warn({ key: shard.key, code, err: error }, `shard ${health}: ${message}`)
    await this.#store.catalogue.write('mark', { ...version, health, code, message })
  }
}
