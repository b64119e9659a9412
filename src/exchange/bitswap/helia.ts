import { setTimeout as delay } from 'node:timers/promises'
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { waitFor } from '../../abort.ts'
import { type BlockSource, verify } from '../../block.ts'
import { BlockMissingError, ClosedError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { BitswapStats, Exchange, WantOptions } from '../exchange.ts'
import { Accounts, type PeerAccount } from './accounts.ts'
import { type BitswapConfig, resolveBitswap } from './config.ts'
import { createEngine, type Engine, keyOf } from './helia-engine.ts'
import { countBlocks } from './wire.ts'

export interface HeliaBitswapParts {
  readonly libp2p: Libp2p
  /** Answers the wants of peers. */
  readonly source: BlockSource
  readonly log: Log
  readonly config?: Partial<BitswapConfig>
}

/** An exchange over `@helia/bitswap`. */
export interface HeliaBitswap extends Exchange {
  /** `cid` came to be in the source: peers that wait for it get it. */
  notify(cid: CID): Promise<void>
  /** What went to `peer` and came from it; undefined for one that no block was exchanged with. */
  account(peer: PeerId): PeerAccount | undefined
}

/** Bitswap 1.2.0 through `@helia/bitswap`: each want goes to the peers named for it, and no others. */
export function createHeliaBitswap(parts: HeliaBitswapParts): HeliaBitswap {
  return new HeliaExchange(parts)
}

/** Why a want is taken back. Made once: an abort without a reason makes an error each time. */
const unwanted = new Error('nobody waits for the block any more')

/** One want in Helia's list, for all who wait for its block. */
interface OpenWant {
  readonly cid: CID
  readonly from: PeerId[]
  readonly bytes: Promise<Uint8Array>
  readonly left: AbortController
  /** Peers that cannot be waited for, by name: they said that they lack it, or they left. */
  readonly out: Map<string, BlockMissingError | ClosedError>
  readonly waiters: Set<Waiter>
}

/** One call that waits for a block of certain peers. */
interface Waiter {
  readonly from: readonly PeerId[]
  readonly refusal: PromiseWithResolvers<never>
}

class HeliaExchange implements HeliaBitswap {
  readonly #engine: Engine
  readonly #libp2p: Libp2p
  readonly #config: BitswapConfig
  readonly #accounts = new Accounts()
  /** Connected peers that speak bitswap. */
  readonly #partners = new Set<string>()
  /** By the key of Helia's want list. */
  readonly #wants = new Map<string, OpenWant>()
  #retelling: NodeJS.Timeout | undefined

  constructor({ config, ...parts }: HeliaBitswapParts) {
    this.#config = resolveBitswap(config)
    this.#libp2p = parts.libp2p
    this.#engine = createEngine({
      ...parts,
      config: this.#config,
      onSent: (peer, frame) => this.#accounts.sent(peer.toString(), countBlocks(frame)),
      onConnect: peer => this.#onConnect(peer),
      onDisconnect: peer => this.#onDisconnect(peer)
    })
    this.#engine.network.addEventListener('bitswap:message', () => this.#accounts.message())
    this.#engine.wantList.addEventListener('block', event => this.#onBlock(event as BlockEvent))
    this.#engine.wantList.addEventListener('presence', event =>
      this.#onPresence(event as PresenceEvent)
    )
  }

  async start(): Promise<void> {
    await this.#engine.start()
    this.#retelling = setInterval(() => this.#retell(), this.#config.retellMs).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#retelling)
    for (const { left } of this.#wants.values()) left.abort(new ClosedError('bitswap'))
    await this.#engine.stop()
  }

  async want(cid: CID, { signal, from }: WantOptions): Promise<Uint8Array> {
    signal.throwIfAborted()
    const key = keyOf(cid)
    const want = this.#wants.get(key) ?? this.#open(key, cid)
    const waiter: Waiter = { from, refusal: Promise.withResolvers() }
    want.waiters.add(waiter)
    for (const peer of from) this.#ask(key, want, peer)
    try {
      return await waitFor(Promise.race([want.bytes, waiter.refusal.promise]), { signal })
    } finally {
      want.waiters.delete(waiter)
      if (want.waiters.size === 0) this.#leave(key, want)
    }
  }

  async notify(cid: CID): Promise<void> {
    await this.#engine.notify(cid)
  }

  account(peer: PeerId): PeerAccount | undefined {
    return this.#accounts.of(peer.toString())
  }

  stats(): BitswapStats {
    return {
      ...this.#accounts.totals,
      peers: [...this.#partners],
      wantlist: Array.from(this.#wants.values(), ({ cid }) => cid.toString())
    }
  }

  #open(key: string, cid: CID): OpenWant {
    const left = new AbortController()
    const from: PeerId[] = []
    const bytes = this.#request(key, cid, from, left.signal)
    const want: OpenWant = { cid, from, bytes, left, out: new Map(), waiters: new Set() }
    bytes.catch(() => {}) // each waiter hears of it; with none left there is nobody to tell
    this.#wants.set(key, want)
    return want
  }

  #leave(key: string, want: OpenWant): void {
    want.left.abort(unwanted)
    if (this.#wants.get(key) === want) this.#wants.delete(key)
  }

  async #request(
    key: string,
    cid: CID,
    from: readonly PeerId[],
    signal: AbortSignal
  ): Promise<Uint8Array> {
    const { wants, peers } = this.#engine.wantList
    // An ended want leaves the list a moment later, and would take with it one made meanwhile.
    while (wants.has(key)) await waitFor(delay(this.#config.wantDelayMs), { signal })
    const arrival = this.#engine.want(cid, { signal })
    for (const [peer, told] of peers.entries()) if (!isAmong(from, peer)) told.add(key)
    return verify(cid, await waitFor(arrival, { signal }))
  }

  /** Peers that Helia does not know hear of nothing; of those it knows, all but `from` are told. */
  #ask(key: string, want: OpenWant, peer: PeerId): void {
    want.out.delete(peer.toString())
    if (isAmong(want.from, peer)) return
    want.from.push(peer)
    this.#engine.wantList.peers.get(peer)?.delete(key)
    this.#introduce(peer)
    void this.#engine.wantList.sendMessagesDebounced()
  }

  /** Makes Helia send to a connected peer: the wants that name it, and none of the others. */
  #introduce(peer: PeerId): void {
    const { peers } = this.#engine.wantList
    if (peers.get(peer) !== undefined || this.#libp2p.getConnections(peer).length === 0) return
    const others = this.#wants.entries().filter(([, { from }]) => !isAmong(from, peer))
    peers.set(peer, new Set(others.map(([key]) => key)))
  }

  /** A list of wants can be lost with its stream, and a peer can come back. */
  #retell(): void {
    if (this.#wants.size === 0) return
    for (const { from } of this.#wants.values()) for (const peer of from) this.#introduce(peer)
    void this.#engine.wantList.sendMessagesDebounced()
  }

  #onConnect(peer: PeerId): void {
    this.#partners.add(peer.toString())
    for (const { out } of this.#wants.values()) out.delete(peer.toString())
    this.#retell()
  }

  #onDisconnect(peer: PeerId): void {
    this.#partners.delete(peer.toString())
    const reason = new ClosedError(`the connection to ${peer}`)
    for (const want of this.#wants.values()) {
      if (isAmong(want.from, peer)) this.#takeOut(want, peer, reason)
    }
  }

  #onBlock({ detail: { cid, block, sender } }: BlockEvent): void {
    const wanted = this.#engine.wantList.wants.get(keyOf(cid))?.cancel === false
    this.#accounts.received(sender.toString(), block.length, { wanted })
  }

  #onPresence({ detail: { cid, has, sender } }: PresenceEvent): void {
    const want = has ? undefined : this.#wants.get(keyOf(cid))
    const at = want?.from.findIndex(peer => peer.equals(sender)) ?? -1
    if (want === undefined || at === -1) return
    want.from.splice(at, 1)
    this.#takeOut(want, sender, new BlockMissingError(want.cid))
  }

  /** Who waits for peers that are all out waits no longer. */
  #takeOut(want: OpenWant, peer: PeerId, reason: BlockMissingError | ClosedError): void {
    want.out.set(peer.toString(), reason)
    for (const { from, refusal } of want.waiters) {
      const reasons = from.map(asked => want.out.get(asked.toString()))
      if (reasons.includes(undefined)) continue
      refusal.reject(reasons.find(each => each instanceof ClosedError) ?? reason)
    }
  }
}

type PresenceEvent = CustomEvent<{ cid: CID; has: boolean; sender: PeerId }>
type BlockEvent = CustomEvent<{ cid: CID; block: Uint8Array; sender: PeerId }>

function isAmong(peers: readonly PeerId[], peer: PeerId): boolean {
  return peers.some(known => known.equals(peer))
}
