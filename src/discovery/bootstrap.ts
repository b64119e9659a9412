import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { anySignal } from '../abort.ts'
import type { Log } from '../log.ts'
import { Alarm } from './alarm.ts'
import { type DiscoveryConfig, retryDelayMs } from './config.ts'
import type { Dht } from './dht.ts'

interface BootstrapParts {
  readonly libp2p: Libp2p
  readonly dhts: readonly Dht[]
  readonly config: DiscoveryConfig
  readonly log: Log
  readonly list: readonly Multiaddr[]
}

const dialTimeoutMs = 10_000

/**
 * Peers that the network is joined through. They are dialled again, less and less often, while a DHT
 * table is empty: a peer that was started offline joins when it can.
 */
export class Bootstrap {
  readonly #parts: BootstrapParts
  readonly #list: Map<string, Multiaddr>
  readonly #alarm = new Alarm()

  constructor(parts: BootstrapParts) {
    this.#parts = parts
    this.#list = new Map(parts.list.map(address => [address.toString(), address]))
  }

  get list(): Multiaddr[] {
    return [...this.#list.values()]
  }

  /** The new one is dialled at once. */
  add(address: Multiaddr): void {
    this.#list.set(address.toString(), address)
    this.#alarm.ring()
  }

  /** False when it was not in the list. Connections stay. */
  remove(address: Multiaddr): boolean {
    return this.#list.delete(address.toString())
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { config, dhts } = this.#parts
    const onLoss = (): void => this.#alarm.ring()
    for (const { table } of dhts) table.addEventListener('peer:remove', onLoss, { signal })
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const joined = this.#joined()
      if (!joined) await this.#dialAll(signal, attempt)
      const wait = joined ? config.retryMaxMs : retryDelayMs(config, attempt)
      if (await this.#alarm.sleep(wait, { signal })) attempt = 0
    }
  }

  /** Without a DHT, one connection is what there is to gain. */
  #joined(): boolean {
    const { dhts, libp2p } = this.#parts
    if (dhts.length === 0) return libp2p.getConnections().length > 0
    return dhts.every(({ table }) => table.size > 0)
  }

  async #dialAll(signal: AbortSignal, attempt: number): Promise<void> {
    const { libp2p, log } = this.#parts
    const self = libp2p.peerId.toString()
    const addresses = this.list.filter(address => !address.toString().endsWith(`/p2p/${self}`))
    const dials = addresses.map(async address => this.#dial(address, signal))
    const answered = (await Promise.all(dials)).filter(Boolean).length
    if (answered > 0 || addresses.length === 0 || attempt > 1 || signal.aborted) return
    log.info(
      { peers: addresses.length },
      'offline: no bootstrap peer answers; they are tried again'
    )
  }

  async #dial(address: Multiaddr, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#parts.libp2p.dial(address, {
        signal: anySignal(signal, AbortSignal.timeout(dialTimeoutMs))
      })
      return true
    } catch (err) {
      this.#parts.log.debug({ address: address.toString(), err }, 'bootstrap peer not reached')
      return false
    }
  }
}
