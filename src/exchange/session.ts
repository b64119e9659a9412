import type { CID } from 'multiformats/cid'
import { type AbortOptions, anySignal, waitFor } from '../abort.ts'
import { type BlockSource, inlineBytes } from '../block.ts'
import { ClosedError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Undialable } from './errors.ts'
import type { Exchange, PeerDialer, PeerFinder, Provider } from './exchange.ts'
import { type FetchConfig, type FetchOptions, resolveFetch } from './session/config.ts'
import { Meter } from './session/meter.ts'
import { Providers } from './session/providers.ts'
import type { BlockSink } from './session/sink.ts'
import { Visited } from './session/visited.ts'
import { Walk, type WalkReport } from './session/walk.ts'
import type { Arrival } from './session/want.ts'
import { Wants } from './session/wants.ts'
import { WantWindow } from './session/window.ts'

export interface FetchSessionParts {
  /** What providers are searched for first. */
  readonly root: CID
  readonly exchange: Exchange
  readonly finder: PeerFinder
  readonly dialer: PeerDialer
  /** Blocks that are here already. */
  readonly local: BlockSource
  /** Where blocks go. The caller closes it, after the session. */
  readonly sink: BlockSink
  /** Dialled before anybody is searched for. */
  readonly providers?: readonly Provider[]
  readonly config?: FetchOptions
  readonly log: Log
  /** Called at most once per `progressIntervalMs`, also while nothing comes. */
  readonly onProgress?: (progress: FetchProgress) => void
}

/** How far a session is. */
export interface FetchProgress {
  /** What peers sent and is in the sink. */
  readonly blocks: number
  readonly bytes: number
  /** What was in the sink before, or was copied into it from here. */
  readonly reusedBlocks: number
  readonly reusedBytes: number
  /** Bytes a second from peers, of late. */
  readonly rate: number
  /** Ids of the peers that sent blocks. */
  readonly peers: readonly string[]
  /** Blocks that were asked for and have not come, bounded by the window. */
  readonly waitingFor: readonly CID[]
  readonly undialable: Undialable
}

/**
 * Fetches blocks of one DAG from peers into a sink, for walks and readers at once: no block is asked
 * for twice, and each is in the sink before anybody sees it.
 */
export class FetchSession {
  readonly #parts: FetchSessionParts
  readonly #config: FetchConfig
  readonly #providers: Providers
  readonly #wants: Wants
  readonly #window: WantWindow
  readonly #stop = new AbortController()
  readonly #walks = new Set<Promise<unknown>>()
  readonly #meter = new Meter()
  readonly #senders = new Set<string>()
  /** Blocks that are in `#counts`, by ordinal: several walks and readers see the same. */
  readonly #counted = new Visited()
  readonly #counts = { blocks: 0, bytes: 0, reusedBlocks: 0, reusedBytes: 0 }
  #reportedMs = -Infinity

  constructor(parts: FetchSessionParts) {
    const { root, exchange, sink, finder, dialer, log } = parts
    const config = resolveFetch(parts.config)
    this.#parts = parts
    this.#config = config
    this.#window = new WantWindow(config)
    const providers = new Providers({
      root,
      finder,
      dialer,
      config,
      log,
      given: parts.providers ?? [],
      onChange: () => this.#wants.advance()
    })
    this.#providers = providers
    this.#wants = new Wants({
      root,
      exchange,
      sink,
      config,
      providers,
      onArrival: (peer, { bytes, ordinal }) => this.#arrived(peer.name, ordinal, bytes.length),
      onTick: () => this.#tell()
    })
  }

  get progress(): FetchProgress {
    return {
      ...this.#counts,
      rate: this.#meter.rate,
      peers: [...this.#senders],
      waitingFor: this.#wants.waitingFor,
      undialable: this.#providers.undialable
    }
  }

  /**
   * One block, for a reader: from the sink, from here, else from peers as soon as it comes.
   *
   * @throws FETCH_INCOMPLETE, PROVIDERS_NOT_FOUND, IDLE_TIMEOUT, LIMIT_EXCEEDED when peers do not give
   *   it, and what the sink throws
   */
  async get(cid: CID, { signal }: AbortOptions = {}): Promise<Uint8Array> {
    this.#stop.signal.throwIfAborted()
    signal?.throwIfAborted()
    const { local, sink } = this.#parts
    const inline = inlineBytes(cid)
    if (inline !== undefined) return inline
    if (sink.ordinalOf(cid) !== undefined) return sink.get(cid, { signal })
    if (this.#wants.has(cid)) return (await this.#arrival(cid, { signal })).bytes
    if (await local.has(cid, { signal })) return local.get(cid, { signal })
    return this.#fetch(cid, { signal })
  }

  /**
   * Brings the whole DAG under `cid` into the sink, each block once.
   *
   * @throws FETCH_INCOMPLETE after all else was brought, when no provider has some blocks;
   *   PROVIDERS_NOT_FOUND, IDLE_TIMEOUT, LIMIT_EXCEEDED, CODEC_UNKNOWN, CODEC_INVALID, and what the
   *   sink throws
   */
  async walk(cid: CID, { signal }: AbortOptions = {}): Promise<WalkReport> {
    const scope = anySignal(signal, this.#stop.signal)
    scope.throwIfAborted()
    const { local, sink } = this.#parts
    const parts = { local, sink, wants: this.#wants, window: this.#window, config: this.#config }
    const walk = new Walk(cid, scope, {
      ...parts,
      onReuse: (ordinal, size) => this.#reused(ordinal, size)
    }).run()
    this.#walks.add(walk)
    try {
      return await walk
    } finally {
      this.#walks.delete(walk)
      this.#tell({ isLast: true })
    }
  }

  /** Ends everything that waits; nothing is written to the sink after it resolves. */
  async close(): Promise<void> {
    const reason = new ClosedError('the fetch session')
    this.#stop.abort(reason)
    await Promise.allSettled(this.#walks)
    await Promise.all([this.#wants.close(reason), this.#providers.close()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #fetch(cid: CID, { signal }: AbortOptions): Promise<Uint8Array> {
    let size: number | undefined
    await this.#window.enter({ urgent: true, signal: anySignal(signal, this.#stop.signal) })
    try {
      const { bytes } = await this.#arrival(cid, { signal })
      size = bytes.length
      return bytes
    } finally {
      this.#window.leave(size)
    }
  }

  async #arrival(cid: CID, { signal }: AbortOptions): Promise<Arrival> {
    const { arrival, leave } = this.#wants.join(cid)
    try {
      return await waitFor(arrival, { signal })
    } finally {
      leave()
    }
  }

  #arrived(peer: string, ordinal: number, size: number): void {
    this.#senders.add(peer)
    this.#meter.add(size)
    if (!this.#counted.add(0, ordinal)) return
    this.#counts.blocks += 1
    this.#counts.bytes += size
    this.#tell()
  }

  #reused(ordinal: number, size: number): void {
    if (!this.#counted.add(0, ordinal)) return
    this.#counts.reusedBlocks += 1
    this.#counts.reusedBytes += size
    this.#tell()
  }

  #tell({ isLast = false } = {}): void {
    const { log, onProgress } = this.#parts
    const nowMs = performance.now()
    if (onProgress === undefined) return
    if (!isLast && nowMs - this.#reportedMs < this.#config.progressIntervalMs) return
    this.#reportedMs = nowMs
    try {
      onProgress(this.progress)
    } catch (error) {
      log.error({ err: error }, 'a listener to the progress of a fetch threw')
    }
  }
}
