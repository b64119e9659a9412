import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import type { BlockSource } from '../block.ts'
import { ClosedError } from '../errors.ts'
import { silentLog } from '../log.ts'
import type { Log } from '../log.ts'
import type { AnnouncePolicy, ShardStateName } from '../shards.ts'
import { ShardAccessor } from './accessor.ts'
import { announceItems } from './announce-items.ts'
import type { AnnounceItem } from './announce-items.ts'
import { resolveDagstore } from './config.ts'
import type { DagstoreSettings } from './config.ts'
import type { InboundCar } from './inbound/inbound-car.ts'
import { openStore } from './open-store.ts'
import type { OpenStore } from './open-store.ts'
import type { RegisterOptions } from './registrar.ts'
import { infoOf } from './shard-info.ts'
import type { ListQuery, ShardInfo, ShardPage } from './shard-info.ts'

export interface DagstoreOptions {
  /** The repo. One store at a time has it open. */
  readonly dir: string
  readonly config?: DagstoreSettings | undefined
  readonly log?: Log | undefined
}

/** What becomes of a CAR that was received. */
export interface AdoptOptions extends AbortOptions {
  readonly roots: readonly CID[]
  /** Default: the store's setting. */
  readonly announce?: AnnouncePolicy | undefined
}

type Listener = (info: ShardInfo) => void

/**
 * CAR files as shards: registered where they are, indexed, and read from block by block. What it
 * gives out was verified; what it was given is never changed; a process that ends anywhere leaves
 * nothing that the next one does not put right by itself.
 */
export class Dagstore implements BlockSource, AsyncDisposable {
  readonly #store: OpenStore
  readonly #listeners: Set<Listener>
  #closing: Promise<void> | undefined

  private constructor(store: OpenStore, listeners: Set<Listener>) {
    this.#store = store
    this.#listeners = listeners
  }

  /** @throws CATALOGUE_FAILED, RESOURCE_EXHAUSTED, and the system's own errors */
  static async open({ dir, config, log = silentLog }: DagstoreOptions): Promise<Dagstore> {
    const listeners = new Set<Listener>()
    const store = await openStore({
      dir,
      config: resolveDagstore(config),
      log,
      onIndexed: shard => tellAll(listeners, infoOf(shard), log)
    })
    return new Dagstore(store, listeners)
  }

  /**
   * Registers a CAR, durably, and indexes it unless `lazy`. The same file again gives the shard that
   * it has; one that had failed is indexed anew.
   *
   * @param mount a path or a `file:` URL
   * @throws MOUNT_UNSUPPORTED, MOUNT_UNAVAILABLE, SHARD_KEY_INVALID, SHARD_EXISTS, CAR_INVALID and its
   * like for a bad header: nothing is registered then; SHARD_FAILED, RESOURCE_EXHAUSTED: it is
   */
  async register(mount: string, options: RegisterOptions = {}): Promise<ShardInfo> {
    return infoOf(await this.#use().registrar.register(mount, options))
  }

  /**
   * Holds a shard ready to be read from, until the accessor is closed. Many callers share one
   * initialisation, and one that leaves harms no other.
   *
   * @throws SHARD_UNKNOWN, SHARD_FAILED, SHARD_DESTROYED, RESOURCE_EXHAUSTED
   */
  async acquire(key: string, options: AbortOptions = {}): Promise<ShardAccessor> {
    const store = this.#use()
    const shard = store.shards.get(key)
    await store.initialiser.acquire(shard, options)
    return new ShardAccessor(shard, store)
  }

  /**
   * Takes the shard away, its index, and its CAR if we own that; a file of somebody else stays as it is.
   *
   * @throws SHARD_UNKNOWN, SHARD_IN_USE
   */
  async destroy(key: string): Promise<void> {
    await this.#use().registrar.destroy(key)
  }

  /** @throws SHARD_UNKNOWN */
  info(key: string): ShardInfo {
    return infoOf(this.#use().shards.get(key))
  }

  list(query: ListQuery = {}): ShardPage {
    return this.#use().listing.list(query)
  }

  counts(): Record<ShardStateName, number> {
    return this.#use().listing.counts()
  }

  /** For each CID the keys of the shards that have it and can serve it; none for identity CIDs. */
  async whoHas(cids: readonly CID[], options: AbortOptions = {}): Promise<string[][]> {
    const { search } = this.#use()
    return Promise.all(cids.map(async cid => search.whoHas(cid, options)))
  }

  /**
   * The block out of any shard that has it, or of a CAR that is being received. An identity CID
   * carries its block.
   *
   * @throws BLOCK_MISSING, whose reason says whether nobody names it, everybody failed or it is being
   * fetched; HASH_UNSUPPORTED, RESOURCE_EXHAUSTED
   */
  async get(cid: CID, options: AbortOptions = {}): Promise<Uint8Array> {
    return this.#use().search.get(cid, options)
  }

  async has(cid: CID, options: AbortOptions = {}): Promise<boolean> {
    return this.#use().search.has(cid, options)
  }

  async size(cid: CID, options: AbortOptions = {}): Promise<number> {
    return this.#use().search.size(cid, options)
  }

  /**
   * The CAR that blocks for this root are received into: what an earlier run left of it, or a new one.
   * To end it: `adopt` it, or its own `suspend` or `discard`; on `close` it is suspended.
   */
  async inbound(root: CID): Promise<InboundCar> {
    return this.#use().parts.open(root)
  }

  /** Seals a CAR that `inbound` gave, and makes it a shard of ours. @throws as `seal` and `register` */
  async adopt(car: InboundCar, options: AdoptOptions): Promise<ShardInfo> {
    const { parts, registrar, indexer } = this.#use()
    const { roots, announce, signal } = options
    return parts.finish(car, async () => {
      const { path } = await car.seal({ roots, indexer, signal })
      return infoOf(await registrar.register(path, { owned: true, announce }))
    })
  }

  /**
   * What the shards' policies say is to be announced, shard by shard in the order in which they were
   * indexed. Goes on after the item that had this cursor.
   */
  async *announceItems({
    after
  }: { after?: string | undefined } = {}): AsyncGenerator<AnnounceItem> {
    const store = this.#use()
    yield* announceItems(store, store.reader, after)
  }

  /** `listener` hears of every shard that is indexed from now on. Returns what ends that. */
  onRegistered(listener: (info: ShardInfo) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What `setNote` kept under this name. */
  note(name: string): Uint8Array | undefined {
    return this.#use().catalogue.note(name)
  }

  /** Keeps a few bytes for somebody else, durable when it resolves. */
  async setNote(name: string, bytes: Uint8Array): Promise<void> {
    await this.#use().catalogue.write('note', { name, bytes })
  }

  /** Ends what is under way: who waits gets CLOSED. Closing again waits for the first. */
  async close(): Promise<void> {
    this.#closing ??= this.#store.close()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #use(): OpenStore {
    if (this.#closing !== undefined) throw new ClosedError('dagstore')
    return this.#store
  }
}

/** A listener that throws keeps nothing from the others, nor from the store. */
function tellAll(listeners: Iterable<Listener>, info: ShardInfo, log: Log): void {
  for (const listener of listeners) {
    try {
      listener(info)
    } catch (error) {
      log.error({ err: error, key: info.key }, 'a listener failed')
    }
  }
}
