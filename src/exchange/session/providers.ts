import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Log } from '../../log.ts'
import type { Undialable } from '../errors.ts'
import type { PeerDialer, PeerFinder, Provider } from '../exchange.ts'
import type { FetchConfig } from './config.ts'
import { undialableReason } from './undialable.ts'

/** A connected provider, and how it has done. A connection made anew is another peer. */
export interface Peer {
  readonly provider: Provider
  readonly id: PeerId
  readonly name: string
  /** Wants that it was asked for and has not answered. */
  owing: number
  blocks: number
  refusals: number
  /** When it last sent something, or came to owe something. */
  heardMs: number
  /** It owes blocks and has sent nothing for too long. */
  isQuiet: boolean
}

export interface ProvidersParts {
  readonly root: CID
  readonly finder: PeerFinder
  readonly dialer: PeerDialer
  readonly given: readonly Provider[]
  readonly config: FetchConfig
  readonly log: Log
  /** Somebody connected or was lost, or a search ended. */
  readonly onChange: () => void
}

/**
 * Who may be asked: finds providers, dials them and remembers which could not be dialled. Searches
 * and dials go on while blocks come in, until `close`.
 */
export class Providers {
  readonly #parts: ProvidersParts
  readonly #stop = new AbortController()
  readonly #known = new Map<string, Provider>()
  readonly #connected = new Map<string, Peer>()
  readonly #undialable = new Map<string, string>()
  readonly #toDial = new Map<string, Provider>()
  readonly #dialling = new Map<string, Promise<void>>()
  readonly #searches = new Map<string, Promise<void>>()
  #fruitless = 0
  #isRootSought = false
  #pauseMs: number
  #nextSeekMs = 0

  constructor(parts: ProvidersParts) {
    this.#parts = parts
    this.#pauseMs = parts.config.searchPauseMs
  }

  get connected(): readonly Peer[] {
    return [...this.#connected.values()]
  }

  /** True while somebody new may still turn up. */
  get isBusy(): boolean {
    return this.#searches.size + this.#toDial.size + this.#dialling.size > 0
  }

  get undialable(): Undialable {
    const reasons: Record<string, number> = {}
    for (const reason of this.#undialable.values()) reasons[reason] = (reasons[reason] ?? 0) + 1
    return { count: this.#undialable.size, reasons }
  }

  isConnected(peer: Peer): boolean {
    return this.#connected.get(peer.name) === peer
  }

  /**
   * Nobody can be asked, or nobody answers: dials those given, then searches for the root and dials
   * again those that could not be dialled; the same after a pause, which doubles until `heard`.
   */
  seek(): void {
    if (this.isBusy || performance.now() < this.#nextSeekMs || this.#stop.signal.aborted) return
    const isFirst = this.#known.size === 0
    for (const provider of isFirst ? this.#parts.given : this.#known.values()) this.#add(provider)
    if (!isFirst || this.#parts.given.length === 0) void this.#seekRoot()
  }

  /** A block came: searches need not pause long any more. */
  heard(): void {
    this.#pauseMs = this.#parts.config.searchPauseMs
  }

  /**
   * Searches for one block that all who were asked refused. Those found are dialled after it
   * resolves. When some searches in a row found nobody new, no more are made.
   */
  async searchFor(cid: CID): Promise<void> {
    const before = this.#known.size
    if (this.#fruitless >= this.#parts.config.searchesMax) return
    this.#fruitless += 1
    if (!this.#isRootSought) await this.#searchRoot()
    if (!cid.equals(this.#parts.root)) await this.#search(cid)
    if (this.#known.size > before) this.#fruitless = 0
  }

  /** Makes sure that a peer that went quiet is still connected; it is lost when it is not. */
  async check(peer: Peer): Promise<void> {
    try {
      await this.#parts.dialer.dial(peer.provider, { signal: this.#stop.signal })
    } catch (error) {
      this.lose(peer, error)
    }
  }

  /** The peer cannot be asked any more; `seek` dials it again. */
  lose(peer: Peer, error: unknown): void {
    if (!this.isConnected(peer) || this.#stop.signal.aborted) return
    this.#connected.delete(peer.name)
    this.#undialable.set(peer.name, undialableReason(peer.provider, error))
    this.#parts.log.info({ peer: peer.name, err: error }, 'a provider was lost')
    this.#parts.onChange()
  }

  /** Ends searches and dials. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#toDial.clear()
    await Promise.all([...this.#searches.values(), ...this.#dialling.values()])
  }

  async #seekRoot(): Promise<void> {
    this.#nextSeekMs = Infinity
    await this.#searchRoot()
    this.#nextSeekMs = performance.now() + this.#pauseMs
    this.#pauseMs *= 2
  }

  async #searchRoot(): Promise<void> {
    this.#isRootSought = true
    await this.#search(this.#parts.root)
  }

  async #search(cid: CID): Promise<void> {
    const key = cid.toString()
    const search = this.#searches.get(key) ?? this.#find(cid)
    this.#searches.set(key, search)
    try {
      await search
    } finally {
      this.#searches.delete(key)
      this.#parts.onChange()
    }
  }

  async #find(cid: CID): Promise<void> {
    const { finder, log, config } = this.#parts
    const { signal } = this.#stop
    try {
      for await (const provider of finder.findProviders(cid, { signal })) {
        if (signal.aborted || this.#connected.size >= config.peersMax) break
        if (!this.#add(provider)) break
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ cid: String(cid), err: error }, 'a provider search failed')
    }
  }

  /** False when no more can be remembered. */
  #add(provider: Provider): boolean {
    const name = provider.id.toString()
    if (this.#connected.has(name) || this.#dialling.has(name)) return true
    const isNew = !this.#known.has(name)
    if (isNew && this.#known.size >= this.#parts.config.providersMax) return false
    this.#known.set(name, provider)
    this.#toDial.set(name, provider)
    this.#dialNext()
    return true
  }

  #dialNext(): void {
    const { dialsMax, peersMax } = this.#parts.config
    while (this.#dialling.size < dialsMax && this.#connected.size < peersMax) {
      const [next] = this.#toDial
      if (next === undefined) return
      const [name, provider] = next
      this.#toDial.delete(name)
      this.#dialling.set(name, this.#dial(name, provider))
    }
    if (this.#connected.size >= peersMax) this.#toDial.clear()
  }

  async #dial(name: string, provider: Provider): Promise<void> {
    const { dialer, log } = this.#parts
    try {
      const id = await dialer.dial(provider, { signal: this.#stop.signal })
      this.#undialable.delete(name)
      const counts = { owing: 0, blocks: 0, refusals: 0, heardMs: performance.now() }
      this.#connected.set(name, { provider, id, name, ...counts, isQuiet: false })
    } catch (error) {
      this.#undialable.set(name, undialableReason(provider, error))
      log.debug({ peer: name, err: error }, 'a provider could not be dialled')
    } finally {
      this.#dialling.delete(name)
      this.#dialNext()
      this.#parts.onChange()
    }
  }
}
