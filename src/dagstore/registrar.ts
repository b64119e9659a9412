import { closeSync, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { CardockError } from '../errors.ts'
import type { AnnouncePolicy } from '../shards.ts'
import { readLayout } from './car/header.ts'
import { fileReadAt } from './car/read-at.ts'
import { versionOf } from './catalogue/operations.ts'
import { encodeRoots } from './catalogue/records.ts'
import {
  MountUnavailableError,
  ShardDestroyedError,
  ShardExistsError,
  ShardInUseError
} from './errors.ts'
import { rethrowExhaustion } from './exhaustion.ts'
import type { Initialiser } from './initialiser.ts'
import type { Mount, MountFacts } from './mounts/mount.ts'
import { openMount } from './mounts/open-mount.ts'
import { checkKey, defaultKeys } from './shard-key.ts'
import { serves } from './shard.ts'
import type { LiveShard } from './shard-table.ts'
import { indexPath } from './store-context.ts'
import type { StoreContext } from './store-context.ts'

/** How to register a CAR. */
export interface RegisterOptions extends AbortOptions {
  /** Default: the CID of the first root, or the file's name when the CAR has none. */
  readonly key?: string | undefined
  /** The CAR is ours: it is deleted with the shard. Default: false. */
  readonly owned?: boolean | undefined
  /** Index it when it is first acquired instead of now. Default: false. */
  readonly lazy?: boolean | undefined
  /** Default: the store's setting. */
  readonly announce?: AnnouncePolicy | undefined
}

/** Shards come and go here. */
export class Registrar {
  readonly #store: StoreContext
  readonly #initialiser: Initialiser
  /** Destructions under way: who registers waits for them, so that key and file are free again. */
  readonly #ending = new Set<Promise<void>>()

  constructor(store: StoreContext, initialiser: Initialiser) {
    this.#store = store
    this.#initialiser = initialiser
  }

  /**
   * Registers the file, durably, and indexes it unless `lazy`. A file that has a shard already keeps
   * that one; if the shard had failed it is indexed anew, but for a file that is not the one that was
   * indexed before.
   *
   * @throws MOUNT_UNSUPPORTED, MOUNT_UNAVAILABLE, SHARD_KEY_INVALID, SHARD_EXISTS, CAR_INVALID and its
   * like for a bad header: nothing is registered then; SHARD_FAILED, RESOURCE_EXHAUSTED: it is
   */
  async register(pathOrUrl: string, options: RegisterOptions): Promise<LiveShard> {
    const shard = await this.enlist(pathOrUrl, options)
    if (options.lazy === true) return shard
    if (serves(shard.state)) await this.#initialiser.confirm(shard, options)
    else await this.#initialiser.recover(shard, options)
    return shard
  }

  /** Registers the file and leaves its initialisation to others. */
  async enlist(pathOrUrl: string, options: RegisterOptions): Promise<LiveShard> {
    const mount = openMount(pathOrUrl)
    if (options.key !== undefined) checkKey(options.key)
    await Promise.allSettled(this.#ending)
    const facts = await mount.inspect(options)
    return this.#known(mount, options.key) ?? this.#insert(mount, facts, options)
  }

  /**
   * Takes the shard away, its index, and its CAR if that is ours and no other shard's too. Work on it
   * is cancelled.
   *
   * @throws SHARD_UNKNOWN, SHARD_IN_USE
   */
  async destroy(key: string): Promise<void> {
    const shard = this.#store.shards.get(key)
    if (!shard.apply('destroy')) throw new ShardInUseError(key, shard.state.leases)
    const ending = this.#end(shard)
    this.#ending.add(ending)
    try {
      await ending
    } finally {
      this.#ending.delete(ending)
    }
  }

  async #end(shard: LiveShard): Promise<void> {
    const { catalogue, shards, lookup } = this.#store
    shard.work?.cancel(new ShardDestroyedError(shard.key))
    await Promise.allSettled([shard.work?.done])
    shards.refresh(shard)
    const { record } = shard
    try {
      await catalogue.write('destroy', versionOf(record))
    } finally {
      shards.forget(shard)
    }
    if (record.seq !== undefined) lookup.remove(record.seq)
    await this.#removeFiles(shard)
  }

  /**
   * Deletes the CARs of ours whose shards were destroyed by a process that ended too early. One that
   * cannot be deleted stays doomed: no shard is made of it again.
   */
  async bury(): Promise<void> {
    for (const url of this.#store.catalogue.doomedCars()) {
      try {
        await this.#removeCar(url)
      } catch (error) {
        this.#store.log.error({ url, err: error }, 'the CAR of a destroyed shard cannot be deleted')
      }
    }
  }

  #known(mount: Mount, key: string | undefined): LiveShard | undefined {
    const record = this.#store.catalogue.shardByMount(mount.url)
    if (record === undefined || (key !== undefined && key !== record.key)) return undefined
    return this.#store.shards.find(record.key)
  }

  async #insert(mount: Mount, facts: MountFacts, options: RegisterOptions): Promise<LiveShard> {
    const { catalogue, config, shards } = this.#store
    const roots = this.#readRoots(mount, facts.size)
    const keys = options.key === undefined ? defaultKeys(mount.path, roots) : [options.key]
    const registration = {
      mount: mount.url,
      owned: options.owned ?? false,
      lazy: options.lazy ?? false,
      announce: options.announce ?? config.announce,
      facts,
      roots: encodeRoots(roots)
    }
    for (const key of keys) {
      const isNew = await catalogue.write('register', { ...registration, key })
      const shard = shards.find(key)
      if (shard !== undefined && (isNew || shard.record.mount === mount.url)) return shard
    }
    throw new ShardExistsError(keys[0] ?? '')
  }

  #readRoots({ path, url }: Mount, size: number): CID[] {
    try {
      const fd = openSync(path, 'r')
      try {
        return readLayout(fileReadAt(fd), size, this.#store.config.car).roots
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      rethrowExhaustion(error)
      if (error instanceof CardockError) throw error
      throw new MountUnavailableError(url, { cause: error })
    }
  }

  async #removeFiles({ record, mount }: LiveShard): Promise<void> {
    const { handles, folders, catalogue } = this.#store
    const index = indexPath(folders, record)
    await Promise.all([handles.forget(index), handles.forget(mount.path)])
    await rm(index, { force: true })
    if (catalogue.isDoomed(record.mount)) await this.#removeCar(record.mount)
  }

  /** The catalogue says that it is doomed until it is gone, so that no restart takes it up again. */
  async #removeCar(url: string): Promise<void> {
    await rm(fileURLToPath(url), { force: true })
    await this.#store.catalogue.write('bury', { car: url })
  }
}
