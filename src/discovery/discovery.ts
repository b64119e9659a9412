import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import type { Log } from '../log.ts'
import { Alarm } from './alarm.ts'
import {
  AnnounceQueue,
  type AnnounceSource,
  type AnnounceStatus,
  type CursorStore
} from './announce-queue.ts'
import { Bootstrap } from './bootstrap.ts'
import { type DiscoveryConfig, resolveDiscovery } from './config.ts'
import { type Dht, type DhtName, dhtsOf, joined } from './dht.ts'
import { type Provider, type ProvideReport, Router } from './router.ts'

export interface DiscoveryParts {
  readonly libp2p: Libp2p
  readonly bootstrap: readonly Multiaddr[]
  readonly source: AnnounceSource
  readonly cursors: CursorStore
  readonly log: Log
  readonly config?: Partial<DiscoveryConfig>
}

export interface DiscoveryStatus extends AnnounceStatus {
  /** Peers in each table, and whether it answers others. */
  readonly tables: readonly {
    readonly name: DhtName
    readonly peers: number
    readonly mode: 'client' | 'server'
  }[]
}

/** How long a provider record counts. */
const recordAgeMaxMs = 48 * 3_600_000

/** Who has a block, and telling others that we have it. */
export class Discovery {
  readonly #dhts: readonly Dht[]
  readonly #router: Router
  readonly #queue: AnnounceQueue
  readonly #bootstrap: Bootstrap
  readonly #config: DiscoveryConfig
  readonly #log: Log
  #running: { readonly stop: AbortController; readonly ended: Promise<unknown> } | undefined

  constructor({ bootstrap, cursors, libp2p, log, source, ...options }: DiscoveryParts) {
    const config = resolveDiscovery(options.config)
    const dhts = dhtsOf(libp2p)
    const router = new Router({ libp2p, dhts, config, log })
    this.#config = config
    this.#log = log
    this.#dhts = dhts
    this.#router = router
    this.#bootstrap = new Bootstrap({ libp2p, dhts, config, log, list: bootstrap })
    this.#queue = new AnnounceQueue({
      source,
      cursors,
      config,
      log,
      provide: async (cid, signal) => router.provide(cid, { signal }),
      ready: async signal => joined(dhts, { signal })
    })
  }

  /** After libp2p has started. It waits for nobody: without a network it goes on trying. */
  start(): void {
    if (this.#running !== undefined) return
    const stop = new AbortController()
    const { signal } = stop
    const tasks = [this.#bootstrap.run(signal)]
    if (this.#dhts.length > 0) tasks.push(this.#queue.run(signal), this.#cleanUp(signal))
    const ended = Promise.all(tasks.map(async task => this.#watch(task, signal)))
    this.#running = { stop, ended }
  }

  /** Before libp2p stops. */
  async stop(): Promise<void> {
    this.#running?.stop.abort()
    await this.#running?.ended
    this.#running = undefined
  }

  /** Each provider once, as answers come; not ourselves. Ends when every table was searched. */
  findProviders(cid: CID, options: AbortOptions = {}): AsyncIterable<Provider> {
    return this.#router.findProviders(cid, options)
  }

  /** Announces `cid` now. @throws PROVIDE_FAILED when no peer took it */
  async provide(cid: CID, options: AbortOptions = {}): Promise<ProvideReport> {
    return this.#router.provide(cid, options)
  }

  /** Announces `cid` soon, and tries until a peer takes it. Who asks us is told at once. */
  enqueue(cid: CID): void {
    this.#router.hold(cid).catch(err => {
      this.#log.warn({ cid: cid.toString(), err }, 'peers that ask for it are not told of us yet')
    })
    this.#queue.enqueue(cid)
  }

  /** `cid` is here no more: it is not announced, and who asks us is not told of us. */
  async forget(cid: CID, options: AbortOptions = {}): Promise<void> {
    this.#queue.drop(cid)
    await this.#router.forget(cid, options)
  }

  status(): DiscoveryStatus {
    const tables = this.#dhts.map(({ name, kad, table }) => {
      return { name, peers: table.size, mode: kad.getMode() }
    })
    return { ...this.#queue.status(Date.now()), tables }
  }

  addBootstrap(address: Multiaddr): void {
    this.#bootstrap.add(address)
  }

  /** False when it was not in the list. */
  removeBootstrap(address: Multiaddr): boolean {
    return this.#bootstrap.remove(address)
  }

  listBootstrap(): Multiaddr[] {
    return this.#bootstrap.list
  }

  /** What cannot be read now is looked at the next time: the bound on records hangs on it. */
  async #cleanUp(signal: AbortSignal): Promise<never> {
    const clock = new Alarm()
    for (;;) {
      for (const { name, records } of this.#dhts) {
        await records.removeOld({ maxAgeMs: recordAgeMaxMs, signal }).catch(err => {
          signal.throwIfAborted()
          this.#log.warn({ table: name, err }, 'old provider records were not removed')
        })
      }
      await clock.sleep(this.#config.recordCleanupIntervalMs, { signal })
    }
  }

  /** A task ends when it is stopped. Ending before that is said aloud: the rest goes on. */
  async #watch(task: Promise<unknown>, signal: AbortSignal): Promise<void> {
    try {
      await task
    } catch (err) {
      if (!signal.aborted) this.#log.error({ err }, 'a part of discovery failed')
    }
  }
}
