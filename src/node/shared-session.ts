import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { waitFor } from '../abort.ts'
import type { Dagstore, InboundCar, ShardInfo } from '../dagstore/index.ts'
import type { AnnouncePolicy } from '../shards.ts'
import { ClosedError } from '../errors.ts'
import type { FetchProgress, FetchSession, FetchSessionParts, Provider } from '../exchange/index.ts'

/** Begins to fetch what is below a root; what comes goes into the sink. The caller closes it. */
export type BeginFetch = (
  request: Pick<FetchSessionParts, 'root' | 'sink' | 'providers' | 'onProgress'>
) => FetchSession

export interface SessionParts {
  readonly dagstore: Dagstore
  readonly begin: BeginFetch
  /** What is announced of a shard that a DAG becomes. */
  readonly announce: AnnouncePolicy
}

export interface JoinOptions extends AbortOptions {
  /** Asked beside those that the network names. Counts for the one who begins the fetch. */
  readonly providers?: readonly Provider[] | undefined
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined
}

/** A whole DAG, and the shard that it became. */
export interface SealedDag {
  readonly shard: ShardInfo
  readonly progress: FetchProgress
}

/** One user's hold on the fetch of a root. */
export interface SessionUse extends AsyncDisposable {
  /** The block, verified, from here or from the network. */
  get(cid: CID, options: AbortOptions): Promise<Uint8Array>
  /** Fetches all that is below `cid`. */
  walk(cid: CID, options: AbortOptions): Promise<void>
  /** Fetches the whole DAG; done when it is a sealed shard. */
  whole(options: AbortOptions): Promise<SealedDag>
}

interface Opened {
  readonly car: InboundCar
  readonly session: FetchSession
}

/**
 * The fetch of one root, for all who read below it. It goes on until the last of them leaves; what
 * it wrote until then stays in the part, for the next one.
 */
export class SharedSession {
  /** Resolves when the part of the root is free again. */
  readonly ended: Promise<void>
  readonly #root: CID
  readonly #parts: SessionParts
  readonly #opened: Promise<Opened>
  readonly #running: Promise<void>
  readonly #over = new AbortController()
  readonly #left = Promise.withResolvers<void>()
  readonly #listeners = new Set<(progress: FetchProgress) => void>()
  #users = 0
  #sealing: Promise<SealedDag> | undefined
  #stage: 'fetching' | 'adopting' | 'sealed' = 'fetching'

  constructor(root: CID, parts: SessionParts, providers: readonly Provider[]) {
    this.#root = root
    this.#parts = parts
    this.#opened = this.#open(providers)
    this.#running = this.#run()
    this.ended = this.#running.catch(() => undefined)
  }

  /** Whether somebody may still join. */
  get isOpen(): boolean {
    return !this.#over.signal.aborted
  }

  async use({ onProgress, signal }: JoinOptions): Promise<SessionUse> {
    this.#users += 1
    const listener = (progress: FetchProgress): void => onProgress?.(progress)
    this.#listeners.add(listener)
    const leave = (): void => {
      if (!this.#listeners.delete(listener)) return
      this.#users -= 1
      if (this.#users === 0) this.end(new ClosedError(`the fetch of ${this.#root}`))
    }
    try {
      await waitFor(this.#opened, { signal })
    } catch (error) {
      leave()
      throw error
    }
    return {
      get: (cid, options) => this.#get(cid, options),
      walk: (cid, options) => this.#walk(cid, options),
      whole: options => this.#whole(options),
      [Symbol.asyncDispose]: async () => {
        leave()
        if (!this.isOpen) await this.#running
      }
    }
  }

  /** Ends it for everybody; what they wait for fails with `reason`. */
  end(reason: Error): void {
    this.#over.abort(reason)
    this.#left.resolve()
  }

  async #open(providers: readonly Provider[]): Promise<Opened> {
    const { begin, dagstore } = this.#parts
    const car = await dagstore.inbound(this.#root)
    const session = begin({
      root: this.#root,
      sink: car,
      providers,
      onProgress: progress => {
        for (const listener of this.#listeners) listener(progress)
      }
    })
    return { car, session }
  }

  async #run(): Promise<void> {
    await this.#left.promise
    const opened = await this.#opened.catch(() => undefined)
    if (opened === undefined) return
    await this.#sealing?.catch(() => undefined)
    await opened.session.close()
    if (this.#stage === 'sealed') return
    await (opened.car.blocks === 0 ? opened.car.discard() : opened.car.suspend())
  }

  async #get(cid: CID, options: AbortOptions): Promise<Uint8Array> {
    const { session } = await this.#opened
    try {
      if (this.#stage !== 'sealed') return await session.get(cid, options)
    } catch (error) {
      // At the moment when the part becomes a shard it is closed under its readers.
      if (this.#stage === 'fetching' || this.#sealing === undefined) throw error
      await waitFor(this.#sealing, options)
    }
    return this.#parts.dagstore.get(cid, options)
  }

  async #walk(cid: CID, options: AbortOptions): Promise<void> {
    const { session } = await this.#opened
    await session.walk(cid, options)
  }

  async #whole(options: AbortOptions): Promise<SealedDag> {
    options.signal?.throwIfAborted()
    this.#sealing ??= this.#seal()
    return waitFor(this.#sealing, options)
  }

  async #seal(): Promise<SealedDag> {
    try {
      const { car, session } = await this.#opened
      await session.walk(this.#root, { signal: this.#over.signal })
      const { announce, dagstore } = this.#parts
      this.#stage = 'adopting'
      const shard = await dagstore.adopt(car, { roots: [this.#root], announce })
      this.#stage = 'sealed'
      return { shard, progress: session.progress }
    } catch (error) {
      this.#stage = 'fetching'
      this.#sealing = undefined
      throw error
    }
  }
}
