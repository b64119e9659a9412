import {
  type AbortOptions as Libp2pAbortOptions,
  type Libp2p,
  type PeerId
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { type AbortOptions, anySignal } from '../abort.ts'
import type { Log } from '../log.ts'
import type { DiscoveryConfig } from './config.ts'
import { type Dht, type DhtName, joined } from './dht.ts'
import { ProvideFailedError } from './errors.ts'
import { merge } from './merge.ts'

/** A peer that says it has a block, and where it may be dialled. */
export interface Provider {
  readonly id: PeerId
  readonly addresses: readonly Multiaddr[]
}

export interface ProvideReport {
  /** Peers that took the announcement, over all tables. At least one. */
  readonly peers: readonly PeerId[]
}

interface RouterParts {
  readonly libp2p: Libp2p
  readonly dhts: readonly Dht[]
  readonly config: DiscoveryConfig
  readonly log: Log
}

/** DHT servers decode the bare multihash as a CID, which this one alone survives. */
const sha256 = 0x12

/**
 * Asks and tells the DHTs. Each is called by itself, with its own deadline, and only when it knows
 * somebody: a query over an empty table waits for ever.
 */
export class Router {
  readonly #parts: RouterParts

  constructor(parts: RouterParts) {
    this.#parts = parts
  }

  /** Each provider once, as answers come; not ourselves. Ends when every table was searched. */
  async *findProviders(cid: CID, options: AbortOptions = {}): AsyncGenerator<Provider> {
    const { config, dhts, libp2p } = this.#parts
    const done = new AbortController()
    const signal = anySignal(options.signal, done.signal)
    const seen = new Set([libp2p.peerId.toString()])
    try {
      await joined(dhts, { signal: anySignal(signal, AbortSignal.timeout(config.joinTimeoutMs)) })
      for await (const provider of merge(dhts.map(dht => this.#findIn(dht, cid, signal)))) {
        if (seen.has(provider.id.toString())) continue
        seen.add(provider.id.toString())
        yield provider
      }
      options.signal?.throwIfAborted()
    } finally {
      done.abort()
    }
  }

  /** @throws PROVIDE_FAILED when no peer took it */
  async provide(cid: CID, options: AbortOptions = {}): Promise<ProvideReport> {
    options.signal?.throwIfAborted()
    const { dhts } = this.#parts
    if (cid.multihash.code !== sha256 || cid.multihash.size !== 32) {
      const why = 'the DHT keeps records of sha2-256 hashes only'
      throw new ProvideFailedError(cid, why, { permanent: true })
    }
    const tables = dhts.filter(({ table }) => table.size > 0)
    if (tables.length === 0) {
      throw new ProvideFailedError(cid, 'this peer knows no DHT server yet')
    }
    const taken = await Promise.all(tables.map(async dht => this.#provideIn(dht, cid, options)))
    options.signal?.throwIfAborted()
    const peers = new Map(taken.flat().map(peer => [peer.toString(), peer]))
    if (peers.size === 0) throw new ProvideFailedError(cid, 'no DHT server took the record')
    return { peers: [...peers.values()] }
  }

  /** Answers those who ask us directly that we have `cid`, also while there is nobody to tell. */
  async hold(cid: CID): Promise<void> {
    const { dhts, libp2p } = this.#parts
    await Promise.all(dhts.map(async ({ kad }) => ownRecords(kad).addProvider(cid, libp2p.peerId)))
  }

  /** Stops answering others that we have `cid`. Records that they hold run out by themselves. */
  async forget(cid: CID, options: AbortOptions = {}): Promise<void> {
    for (const { kad } of this.#parts.dhts) await kad.cancelReprovide(cid, strict(options))
  }

  async *#findIn(
    { kad, name, table }: Dht,
    cid: CID,
    signal: AbortSignal
  ): AsyncGenerator<Provider> {
    if (table.size === 0) return
    const scope = anySignal(signal, AbortSignal.timeout(this.#parts.config.findTimeoutMs))
    try {
      for await (const event of kad.findProviders(cid, { signal: scope })) {
        if (event.name !== 'PROVIDER') continue
        for (const { id, multiaddrs } of event.providers) yield { id, addresses: multiaddrs }
      }
    } catch (err) {
      this.#ended(name, 'search', cid, err)
    }
  }

  async #provideIn({ kad, name }: Dht, cid: CID, { signal }: AbortOptions): Promise<PeerId[]> {
    const scope = anySignal(signal, AbortSignal.timeout(this.#parts.config.provideTimeoutMs))
    const peers: PeerId[] = []
    try {
      for await (const event of kad.provide(cid, { signal: scope })) {
        if (event.name !== 'PEER_RESPONSE' || event.messageName !== 'ADD_PROVIDER') continue
        peers.push(event.from)
      }
    } catch (err) {
      this.#ended(name, 'announcement', cid, err)
    }
    return peers
  }

  /** What one table could not do the other may have done: the caller sees what both found. */
  #ended(table: DhtName, what: string, cid: CID, err: unknown): void {
    this.#parts.log.debug({ table, cid: cid.toString(), err }, `${what} ended early`)
  }
}

function strict({ signal }: AbortOptions): Libp2pAbortOptions {
  return signal === undefined ? {} : { signal }
}

interface OwnRecords {
  addProvider(cid: CID, provider: PeerId): Promise<void>
}

/** A public field of kad-dht's class that its interface leaves out. */
function ownRecords(kad: Dht['kad']): OwnRecords {
  return (kad as Dht['kad'] & { readonly providers: OwnRecords }).providers
}
