import type { BitswapStats } from '../exchange.ts'
import type { BlockCount } from './wire.ts'

/** Block bytes that went to one peer and came from it, since we first met it. */
export interface PeerAccount {
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** What is counted over all peers, those that left included. */
type Totals = Omit<BitswapStats, 'peers' | 'wantlist'>

/** Peers remembered one by one; the one longest silent is forgotten first. Totals keep its bytes. */
const accountsMax = 4_096

/** Bytes over bitswap, in all and by peer. A peer that reconnects goes on where it was. */
export class Accounts {
  readonly #peers = new Map<string, PeerAccount>()
  readonly #totals = {
    blocksReceived: 0,
    dataReceived: 0,
    blocksSent: 0,
    dataSent: 0,
    dupBlksReceived: 0,
    dupDataReceived: 0,
    messagesReceived: 0
  }

  get totals(): Totals {
    return { ...this.#totals }
  }

  of(peer: string): PeerAccount | undefined {
    return this.#peers.get(peer)
  }

  sent(peer: string, { blocks, bytes }: BlockCount): void {
    if (blocks === 0) return
    this.#totals.blocksSent += blocks
    this.#totals.dataSent += bytes
    this.#enter(peer, { sentBytes: bytes, receivedBytes: 0 })
  }

  /** `wanted` is false for a block that nobody here waited for. */
  received(peer: string, bytes: number, { wanted }: { readonly wanted: boolean }): void {
    this.#totals.blocksReceived += 1
    this.#totals.dataReceived += bytes
    if (!wanted) {
      this.#totals.dupBlksReceived += 1
      this.#totals.dupDataReceived += bytes
    }
    this.#enter(peer, { sentBytes: 0, receivedBytes: bytes })
  }

  message(): void {
    this.#totals.messagesReceived += 1
  }

  #enter(peer: string, { sentBytes, receivedBytes }: PeerAccount): void {
    const before = this.#peers.get(peer) ?? { sentBytes: 0, receivedBytes: 0 }
    this.#peers.delete(peer)
    this.#peers.set(peer, {
      sentBytes: before.sentBytes + sentBytes,
      receivedBytes: before.receivedBytes + receivedBytes
    })
    const [oldest] = this.#peers.keys()
    if (this.#peers.size > accountsMax && oldest !== undefined) this.#peers.delete(oldest)
  }
}
