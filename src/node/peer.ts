import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import type { Dagstore } from '../dagstore/index.ts'
import type { Discovery } from '../discovery/index.ts'
import type { Exchange, HeliaBitswap, Provider } from '../exchange/index.ts'
import type { DagPath } from './cid.ts'
import { parsePath } from './cid.ts'
import type { Config } from './config-schema.ts'
import { DagReader } from './dag-reader.ts'
import { OfflineError } from './errors.ts'
import { carOf } from './export.ts'
import type { FetchOptions, FetchReport } from './fetch.ts'
import { fetchDag } from './fetch.ts'
import type { WalkLimits } from './frontier.ts'
import type { ImportFileOptions, ImportOptions, ImportParts, ImportReport } from './import.ts'
import { importFile, importStream } from './import.ts'
import type { Repo } from './repo.ts'
import type { Sessions } from './sessions.ts'
import type { BeginFetch } from './shared-session.ts'
import { asDirectory, asFile, followPath, resolvePath } from './unixfs-path.ts'
import { tarOf } from './unixfs-tar.ts'
import type { DirectoryEntry, FileRange } from './unixfs.ts'
import { listDirectory, readFile } from './unixfs.ts'

/** How a command reads blocks. */
export interface ReadOptions extends AbortOptions {
  /** Only what is here; a missing block is BLOCK_MISSING at once. */
  readonly offline?: boolean | undefined
  /** Asked beside those that the network names. */
  readonly providers?: readonly Provider[] | undefined
}

/** What of a peer is there only with the network. */
export interface Network {
  readonly libp2p: Libp2p
  readonly exchange: HeliaBitswap
  readonly discovery: Discovery
  readonly begin: BeginFetch
}

/** What a peer is made of; `createPeer` puts it together. */
export interface PeerParts {
  readonly id: PeerId
  readonly repo: Repo
  readonly config: Config
  readonly dagstore: Dagstore
  readonly sessions: Sessions
  readonly network: Network | undefined
  readonly importing: ImportParts
  readonly limits: WalkLimits
  /** Ends everything, in reverse. */
  readonly stop: AsyncDisposable
}

/** A running peer. The one who made it closes it, with `close()` or `await using`. */
export class Peer implements AsyncDisposable {
  readonly id: PeerId
  readonly repo: Repo
  readonly config: Config
  readonly dagstore: Dagstore
  readonly #parts: PeerParts
  #closing: PromiseLike<void> | undefined

  constructor(parts: PeerParts) {
    this.id = parts.id
    this.repo = parts.repo
    this.config = parts.config
    this.dagstore = parts.dagstore
    this.#parts = parts
  }

  /** Whether it was made without the network. */
  get isOffline(): boolean {
    return this.#parts.network === undefined
  }

  /** Where it listens, each with its /p2p/<id>. Empty when offline. */
  get addresses(): Multiaddr[] {
    return this.#parts.network?.libp2p.getMultiaddrs() ?? []
  }

  /** @throws OFFLINE without a network */
  get libp2p(): Libp2p {
    return this.#network.libp2p
  }

  /** @throws OFFLINE without a network */
  get exchange(): Exchange {
    return this.#network.exchange
  }

  /** @throws OFFLINE without a network */
  get discovery(): Discovery {
    return this.#network.discovery
  }

  /**
   * Makes the DAG under `cid` whole here, as a sealed and announced shard. What was fetched stays
   * when it fails or is aborted: the next fetch asks for the rest.
   *
   * @throws FETCH_INCOMPLETE, IDLE_TIMEOUT, PROVIDERS_NOT_FOUND
   */
  async fetch(cid: CID, options: FetchOptions = {}): Promise<FetchReport> {
    return fetchDag(cid, { ...this.#parts, sessions: this.#sessionsFor({}) }, options)
  }

  /**
   * The DAG under `cid` as a CARv1, depth-first, each block once. What is not here is fetched and
   * stays. A block that cannot be had throws: it never ends short.
   */
  async *exportCar(cid: CID, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    await using reader = this.#reader(cid, options)
    reader.readAhead(cid)
    yield* carOf(cid, block => reader.get(block), this.#parts.limits)
    await reader.finish()
  }

  /**
   * Bytes of a UnixFS file, or of a range of it, at `<cid>/a/b` or `/ipfs/<cid>/a/b`.
   *
   * @throws PATH_NOT_FOUND, NOT_A_DIRECTORY, NOT_A_FILE
   */
  async *cat(path: string, options: ReadOptions & FileRange = {}): AsyncGenerator<Uint8Array> {
    const target = parsePath(path)
    await using reader = this.#reader(target.root, options)
    const found = await resolvePath(target, reader)
    const isWhole = (options.offset ?? 0) === 0 && options.length === undefined
    if (isWhole) reader.readAhead(found.entry.cid)
    yield* readFile(asFile(found), options)
    await reader.finish()
  }

  /** A UnixFS file or directory as a tar, as kubo's `get` gives it. */
  async *get(path: string, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    const target = parsePath(path)
    await using reader = this.#reader(target.root, options)
    const { entry } = await resolvePath(target, reader)
    reader.readAhead(entry.cid)
    yield* tarOf(entry, {
      name: nameOf(target),
      reader,
      depthMax: this.config.Walk.MaxDepth
    })
    await reader.finish()
  }

  /** The entries of a UnixFS directory. @throws PATH_NOT_FOUND, NOT_A_DIRECTORY */
  async *ls(path: string, options: ReadOptions = {}): AsyncGenerator<DirectoryEntry> {
    const target = parsePath(path)
    await using reader = this.#reader(target.root, options)
    yield* listDirectory(asDirectory(await resolvePath(target, reader)), reader)
  }

  /**
   * The CID that `<cid>`, `<cid>/a/b` or `/ipfs/<cid>/a/b` names. What it names is not read.
   *
   * @throws CID_INVALID, PATH_NOT_FOUND, NOT_A_DIRECTORY
   */
  async resolve(path: string, options: ReadOptions = {}): Promise<CID> {
    const target = parsePath(path)
    await using reader = this.#reader(target.root, options)
    return (await followPath(target, reader)).cid
  }

  /** One block, verified. */
  async block(cid: CID, options: ReadOptions = {}): Promise<Uint8Array> {
    await using reader = this.#reader(cid, options)
    return await reader.get(cid)
  }

  /** Length of one block; it is fetched when it is not here. */
  async blockStat(cid: CID, options: ReadOptions = {}): Promise<{ cid: CID; size: number }> {
    return { cid, size: (await this.block(cid, options)).length }
  }

  /**
   * Serves a CAR where it is, or with `copy` from a copy in the repo. The file is never changed.
   *
   * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED, MOUNT_UNAVAILABLE, SHARD_EXISTS
   */
  async importCar(path: string, options: ImportFileOptions = {}): Promise<ImportReport> {
    return importFile(path, this.#parts.importing, this.#withPolicy(options))
  }

  /** Writes a CAR that comes as bytes into the repo, each block verified. */
  async importStream(
    chunks: AsyncIterable<Uint8Array>,
    options: ImportOptions = {}
  ): Promise<ImportReport> {
    return importStream(chunks, this.#parts.importing, this.#withPolicy(options))
  }

  /**
   * Takes a shard away, and its CAR if the repo owns that. Roots that are in no other shard are
   * announced no more.
   *
   * @throws SHARD_UNKNOWN, SHARD_IN_USE
   */
  async destroyShard(key: string, options: AbortOptions = {}): Promise<void> {
    const { roots } = this.dagstore.info(key)
    await this.dagstore.destroy(key)
    const discovery = this.#parts.network?.discovery
    for (const root of roots) {
      if (!(await this.dagstore.has(root, options))) await discovery?.forget(root, options)
    }
  }

  /** Ends what is under way, then stops in reverse order. Calling it again waits for the same. */
  async close(): Promise<void> {
    await (this.#closing ??= this.#parts.stop[Symbol.asyncDispose]())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get #network(): Network {
    const { network } = this.#parts
    if (network === undefined) throw new OfflineError('this')
    return network
  }

  #sessionsFor({ offline }: ReadOptions): Sessions | undefined {
    return this.isOffline || offline === true ? undefined : this.#parts.sessions
  }

  #reader(root: CID, options: ReadOptions): DagReader {
    const sessions = this.#sessionsFor(options)
    return new DagReader(root, { local: this.dagstore, sessions }, options)
  }

  #withPolicy<T extends ImportOptions>(options: T): T {
    return { ...options, announce: options.announce ?? this.config.Announce.Policy }
  }
}

/** What kubo's `get` calls what it unpacks. */
function nameOf({ root, names }: DagPath): string {
  return names.at(-1) ?? root.toString()
}
