import { setImmediate as nextTurn } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { CID } from 'multiformats/cid'
import { type AbortOptions, waitFor } from '../../src/abort.ts'
import type { Block, BlockSource } from '../../src/block.ts'
import { BlockMissingError } from '../../src/errors.ts'
import type {
  BitswapStats,
  Exchange,
  PeerDialer,
  PeerFinder,
  Provider,
  WantOptions
} from '../../src/exchange/index.ts'
import type { BlockSink } from '../../src/exchange/index.ts'

/** What a peer does with a want: sends the block or says no; says nothing; or breaks off. */
export type Manner = 'answers' | 'is silent' | 'breaks'

/** A peer of a `MemoryNetwork`. */
export class MemoryPeer implements Provider {
  readonly id: PeerId
  readonly addresses: readonly [] = []
  readonly store: MemoryStore
  manner: Manner = 'answers'
  /** Set while it cannot be dialled. */
  unreachable: Error | undefined
  /** CIDs asked of it, in order. */
  readonly asked: string[] = []

  constructor(id: PeerId, store: MemoryStore) {
    this.id = id
    this.store = store
  }
}

export interface NetworkOptions {
  /** How many turns of the event loop the answer to a want takes. */
  readonly turns?: (cid: CID) => number
}

/** Peers in memory, an exchange with them, and somebody who knows them all. */
export class MemoryNetwork implements Exchange, PeerDialer, PeerFinder {
  readonly #peers = new Map<string, MemoryPeer>()
  readonly #turns: (cid: CID) => number
  /** Whom the finder names, and for which blocks it was asked. */
  readonly found: Provider[] = []
  readonly searches: string[] = []
  /** Called as a provider is dialled. */
  onDial: (peer: MemoryPeer) => void = () => {}
  /** Called as each search begins. */
  onSearch: () => void = () => {}
  /** Wants in the order in which they were made, of whomever. */
  readonly wants: string[] = []
  wantsInFlight = 0
  wantsInFlightMax = 0
  dialsInFlight = 0
  dialsInFlightMax = 0

  constructor({ turns = () => 0 }: NetworkOptions = {}) {
    this.#turns = turns
  }

  async addPeer(blocks: Iterable<Block> = []): Promise<MemoryPeer> {
    const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const peer = new MemoryPeer(id, await MemoryStore.of(blocks))
    this.#peers.set(id.toString(), peer)
    return peer
  }

  async want(cid: CID, { signal, from }: WantOptions): Promise<Uint8Array> {
    const peers = from.map(id => this.#peerOf(id))
    this.wants.push(cid.toString())
    for (const peer of peers) peer.asked.push(cid.toString())
    this.wantsInFlight += 1
    this.wantsInFlightMax = Math.max(this.wantsInFlightMax, this.wantsInFlight)
    try {
      for (let turns = this.#turns(cid); turns >= 0; turns--) await nextTurn()
      signal.throwIfAborted()
      return await this.#answer(cid, peers, signal)
    } finally {
      this.wantsInFlight -= 1
    }
  }

  async dial({ id }: Provider): Promise<PeerId> {
    this.dialsInFlight += 1
    this.dialsInFlightMax = Math.max(this.dialsInFlightMax, this.dialsInFlight)
    await nextTurn()
    this.dialsInFlight -= 1
    const peer = this.#peerOf(id)
    this.onDial(peer)
    const { unreachable } = peer
    if (unreachable !== undefined) throw unreachable
    return id
  }

  async *findProviders(cid: CID): AsyncGenerator<Provider> {
    this.searches.push(cid.toString())
    this.onSearch()
    await nextTurn()
    yield* this.found
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  stats(): BitswapStats {
    throw new Error('a network in memory counts nothing')
  }

  async #answer(cid: CID, peers: MemoryPeer[], signal: AbortSignal): Promise<Uint8Array> {
    if (peers.some(peer => peer.manner === 'breaks')) throw new Error('the stream was reset')
    const holder = peers.find(peer => peer.manner === 'answers' && peer.store.holds(cid))
    if (holder !== undefined) return holder.store.get(cid)
    if (peers.every(peer => peer.manner === 'answers')) throw new BlockMissingError(cid)
    return waitFor(new Promise<never>(() => {}), { signal })
  }

  #peerOf(id: PeerId): MemoryPeer {
    const peer = this.#peers.get(id.toString())
    if (peer === undefined) throw new Error(`nobody is ${id}`)
    return peer
  }
}

/** Blocks in memory by multihash, in the order in which they came. */
export class MemoryStore implements BlockSink, BlockSource {
  readonly #ordinals = new Map<string, number>()
  readonly blocks: Block[] = []
  /** How often `append` was called. */
  appends = 0

  static async of(blocks: Iterable<Block>): Promise<MemoryStore> {
    const store = new MemoryStore()
    for (const block of blocks) await store.append(block)
    return store
  }

  async append(block: Block): Promise<number> {
    this.appends += 1
    const known = this.ordinalOf(block.cid)
    if (known !== undefined) return known
    this.#ordinals.set(keyOf(block.cid), this.blocks.length)
    return this.blocks.push(block) - 1
  }

  ordinalOf(cid: CID): number | undefined {
    return this.#ordinals.get(keyOf(cid))
  }

  holds(cid: CID): boolean {
    return this.ordinalOf(cid) !== undefined
  }

  async has(cid: CID): Promise<boolean> {
    return this.holds(cid)
  }

  async get(cid: CID, { signal }: AbortOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted()
    const block = this.blocks[this.ordinalOf(cid) ?? -1]
    if (block === undefined) throw new BlockMissingError(cid)
    return block.bytes
  }

  async size(cid: CID): Promise<number> {
    return (await this.get(cid)).length
  }
}

function keyOf(cid: CID): string {
  return Buffer.from(cid.multihash.bytes).toString('latin1')
}
