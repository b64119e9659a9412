import type { CID } from 'multiformats/cid'
import { CardockError, LimitExceededError } from '../../errors.ts'
import { FetchIncompleteError, IdleTimeoutError, ProvidersNotFoundError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { FetchConfig } from './config.ts'
import { multihashKey } from './key.ts'
import type { Peer, Providers } from './providers.ts'
import type { BlockSink } from './sink.ts'
import { type Arrival, Want, whomToAsk } from './want.ts'
import { Watch } from './watch.ts'

export interface WantsParts {
  readonly root: CID
  readonly exchange: Exchange
  readonly providers: Providers
  readonly sink: BlockSink
  readonly config: FetchConfig
  /** A block that a peer sent is in the sink. */
  readonly onArrival: (peer: Peer, arrival: Arrival) => void
  /** Now and then while something is waited for. */
  readonly onTick: () => void
}

/** One of those who wait for a block. */
export interface Joined {
  readonly arrival: Promise<Arrival>
  /** Done once, however often it is called. */
  readonly leave: () => void
}

/** How many blocks an error names. */
const namedMax = 20
/** Why asks are taken back. Made once: an abort without a reason makes an error each time. */
const settled = new Error('the block came or is not wanted any more')
const lost = new Error('the peer was lost')

/**
 * Blocks asked of peers, each once for all who wait for it. What comes is in the sink before anybody
 * sees it. Whoever is slow, silent or lost is made up for by others, until nothing comes from anybody.
 */
export class Wants {
  readonly #parts: WantsParts
  /** Nobody has sent these yet. */
  readonly #open = new Map<string, Want>()
  /** These came and are being written; they can still be joined. */
  readonly #landing = new Map<string, Want>()
  readonly #landings = new Set<Promise<void>>()
  readonly #watch: Watch
  #peersSeen = 0
  #closed: Error | undefined

  constructor(parts: WantsParts) {
    const { config, providers } = parts
    this.#parts = parts
    this.#watch = new Watch({
      config,
      providers,
      onTick: () => this.#tick(),
      onSilence: () => this.#giveUp()
    })
  }

  has(cid: CID): boolean {
    const key = multihashKey(cid)
    return this.#open.has(key) || this.#landing.has(key)
  }

  /** What no peer has sent yet. */
  get waitingFor(): CID[] {
    return Array.from(this.#open.values(), want => want.cid)
  }

  /**
   * Joins those who wait for a block; the first of them has it asked for. `leave` when the arrival
   * matters no more, also after it: what nobody waits for is taken back. The arrival fails with
   *
   * - FETCH_INCOMPLETE when every provider refused the block and no other was found,
   * - PROVIDERS_NOT_FOUND when nobody could be asked for the idle timeout, IDLE_TIMEOUT when nobody
   *   answered,
   * - LIMIT_EXCEEDED when it is too large, CLOSED, or with what the sink throws.
   */
  join(cid: CID): Joined {
    const key = multihashKey(cid)
    const want = this.#open.get(key) ?? this.#landing.get(key) ?? this.#begin(key, cid)
    want.waiters += 1
    let isHere = true
    const leave = (): void => {
      if (!isHere) return
      isHere = false
      want.waiters -= 1
      if (want.waiters === 0) this.#fail(want, settled)
    }
    return { arrival: want.arrival.promise, leave }
  }

  /** Providers came or went, or a search ended. */
  advance(): void {
    const peers = this.#parts.providers.connected.length
    if (peers > this.#peersSeen) this.#watch.news()
    this.#peersSeen = peers
    for (const want of this.#open.values()) this.#advance(want)
  }

  /** Fails all that is waited for; resolves when nothing is being written any more. */
  async close(reason: Error): Promise<void> {
    this.#closed = reason
    for (const want of this.#open.values()) this.#fail(want, reason)
    await Promise.all(this.#landings)
  }

  #begin(key: string, cid: CID): Want {
    const want = new Want(key, cid)
    this.#open.set(key, want)
    if (this.#closed !== undefined) {
      this.#fail(want, this.#closed)
      return want
    }
    this.#watch.start()
    this.#advance(want)
    return want
  }

  #advance(want: Want): void {
    const { providers } = this.#parts
    for (const [peer, ask] of want.asks) if (!providers.isConnected(peer)) ask.abort(lost)
    if (!this.#isOpen(want) || want.isInHand) return
    const peers = whomToAsk(want, providers.connected)
    for (const peer of peers) void this.#ask(want, peer)
    if (peers.length === 0) this.#seek(want)
  }

  /** There is nobody to ask: somebody may be found, or else the block is missing. */
  #seek(want: Want): void {
    const { providers } = this.#parts
    if (!want.isRefusedByAll) return providers.seek()
    if (want.search === 'not made') void this.#search(want)
    if (want.search !== 'ended' || providers.isBusy) return
    this.#fail(want, new FetchIncompleteError([want.cid], 1))
  }

  async #search(want: Want): Promise<void> {
    want.search = 'running'
    await this.#parts.providers.searchFor(want.cid)
    want.search = 'ended'
    this.#advance(want)
  }

  async #ask(want: Want, peer: Peer): Promise<void> {
    const ask = new AbortController()
    want.asks.set(peer, ask)
    want.askedOf.add(peer.name)
    if (peer.owing === 0) peer.heardMs = performance.now()
    peer.owing += 1
    try {
      const options = { signal: ask.signal, from: [peer.id] }
      const bytes = await this.#parts.exchange.want(want.cid, options)
      this.#arrive(want, peer, bytes)
    } catch (error) {
      if (isRefusal(error)) this.#refuse(want, peer)
      else if (!ask.signal.aborted) this.#parts.providers.lose(peer, error)
    } finally {
      peer.owing -= 1
      want.asks.delete(peer)
      this.#advance(want)
    }
  }

  #arrive(want: Want, peer: Peer, bytes: Uint8Array): void {
    if (!this.#isOpen(want)) return // another peer was faster
    want.asks.delete(peer)
    const { config, providers } = this.#parts
    peer.blocks += 1
    this.#hear(peer)
    this.#watch.news()
    providers.heard()
    if (bytes.length > config.blockBytesMax) {
      const what = `block ${want.cid} of ${bytes.length} bytes`
      this.#fail(want, new LimitExceededError(what, config.blockBytesMax, 'blockBytesMax'))
      return
    }
    this.#landing.set(want.key, want)
    this.#settle(want)
    const landing = this.#land(want, peer, bytes).finally(() => this.#landings.delete(landing))
    this.#landings.add(landing)
  }

  async #land(want: Want, peer: Peer, bytes: Uint8Array): Promise<void> {
    const { onArrival, sink } = this.#parts
    try {
      const arrival = { bytes, ordinal: await sink.append({ cid: want.cid, bytes }) }
      onArrival(peer, arrival)
      want.arrival.resolve(arrival)
    } catch (error) {
      want.arrival.reject(error)
    } finally {
      this.#landing.delete(want.key)
    }
  }

  #refuse(want: Want, peer: Peer): void {
    want.refusedBy.add(peer.name)
    peer.refusals += 1
    this.#hear(peer)
  }

  #hear(peer: Peer): void {
    peer.heardMs = performance.now()
    if (!peer.isQuiet) return
    peer.isQuiet = false
    this.advance()
  }

  /** Does nothing for a want that is not open any more. */
  #fail(want: Want, error: Error): void {
    if (!this.#isOpen(want)) return
    this.#settle(want)
    want.arrival.reject(error)
  }

  #settle(want: Want): void {
    this.#open.delete(want.key)
    for (const ask of want.asks.values()) ask.abort(settled)
    if (this.#open.size === 0) this.#watch.stop()
  }

  #isOpen(want: Want): boolean {
    return this.#open.get(want.key) === want
  }

  #tick(): void {
    this.advance()
    this.#parts.onTick()
  }

  /** Nothing came for the idle timeout. */
  #giveUp(): void {
    const { config, providers, root } = this.#parts
    const open = [...this.#open.values()]
    const asked = open.filter(want => want.askedOf.size > 0)
    const peers = [...new Set(asked.flatMap(want => [...want.askedOf]))]
    const cids = asked.slice(0, namedMax).map(want => want.cid)
    const idle = new IdleTimeoutError(config.idleTimeoutMs, peers, cids, asked.length)
    const nobody = new ProvidersNotFoundError(root, providers.undialable)
    for (const want of open) this.#fail(want, want.askedOf.size > 0 ? idle : nobody)
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof CardockError && error.code === 'BLOCK_MISSING'
}
