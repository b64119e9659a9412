import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'

/** A peer that is said to have a block, and where it may be dialled. */
export interface Provider {
  readonly id: PeerId
  readonly addresses: readonly Multiaddr[]
}

/** Who has a block. Declared here by the one who asks; `discovery` fits it. */
export interface PeerFinder {
  findProviders(cid: CID, options?: AbortOptions): AsyncIterable<Provider>
}

/** Connects to a provider; connected when it resolves, rejects with the reason. */
export interface PeerDialer {
  dial(provider: Provider, options?: AbortOptions): Promise<PeerId>
}

export interface WantOptions {
  readonly signal: AbortSignal
  /** Connected peers to ask. */
  readonly from: readonly PeerId[]
}

/** Blocks from peers and to them. */
export interface Exchange {
  /**
   * The block, verified. Waits until a peer sends it or `signal` aborts.
   *
   * @throws BLOCK_MISSING when every peer of `from` has said that it lacks the block, CLOSED when
   *   those that did not say so have left
   */
  want(cid: CID, options: WantOptions): Promise<Uint8Array>
  stats(): BitswapStats
  start(): Promise<void>
  stop(): Promise<void>
}

/** What went over bitswap since the start, in the words of kubo's `stats bitswap`. Bytes are block bytes. */
export interface BitswapStats {
  readonly blocksReceived: number
  readonly dataReceived: number
  readonly blocksSent: number
  readonly dataSent: number
  readonly dupBlksReceived: number
  readonly dupDataReceived: number
  readonly messagesReceived: number
  readonly peers: readonly string[]
  readonly wantlist: readonly string[]
}
