import type { Libp2p } from '@libp2p/interface'
import {
  kadDHT,
  type KadDHT,
  type KadDHTComponents,
  type KadDHTInit,
  removePrivateAddressesMapper,
  removePublicAddressesMapper
} from '@libp2p/kad-dht'
import { ProviderRecords } from './provider-records.ts'

/** `auto` and `dht` also answer others where this peer can be reached; the `client` ones only ask. */
export type RoutingType = 'auto' | 'autoclient' | 'dht' | 'dhtclient' | 'none'

export interface DhtOptions {
  /** How soon after the start a table is filled by asking for ourselves, in ms. */
  readonly initialQuerySelfIntervalMs: number
}

type DhtFactory = (components: KadDHTComponents) => KadDHT

/** The public network's DHT and one for the peers near us, which knows only private addresses. */
export type DhtServices = { readonly [name in DhtName]?: DhtFactory }

export type DhtName = 'wanDht' | 'lanDht'

const names: readonly DhtName[] = ['wanDht', 'lanDht']

const prefixes: Record<DhtName, string> = { wanDht: '/dht-wan', lanDht: '/dht-lan' }

/**
 * The largest delay that a timer takes. kad-dht would announce again whatever it ever announced,
 * also what we hold no more; the announce queue does that, so its own round never comes.
 */
const never = 2 ** 31 - 1

/** Provider records of others that one DHT keeps: about 60 MB on disk, and a second to look through. */
const recordsMax = 250_000

/** The records of each DHT that was made. */
const recordsOf = new WeakMap<KadDHT, ProviderRecords>()

/**
 * Services for `createLibp2p`. They are two, and are called one by one: on private addresses the
 * public one never ends a query, and through `libp2p.contentRouting` it would hold up the other.
 */
export function dhtServices(
  routing: RoutingType,
  { initialQuerySelfIntervalMs }: DhtOptions
): DhtServices {
  if (routing === 'none') return {}
  const client = routing === 'autoclient' || routing === 'dhtclient'
  const shared: KadDHTInit = {
    initialQuerySelfInterval: initialQuerySelfIntervalMs,
    reprovide: { interval: never }
  }
  return {
    wanDht: bounded('wanDht', {
      ...shared,
      protocol: '/ipfs/kad/1.0.0',
      peerInfoMapper: removePrivateAddressesMapper,
      metricsPrefix: 'libp2p_kad_dht_wan',
      logPrefix: 'libp2p:kad-dht:wan',
      // Unset, it becomes a server when this peer turns out to have a public address.
      ...(client ? { clientMode: true } : {})
    }),
    lanDht: bounded('lanDht', {
      ...shared,
      protocol: '/ipfs/lan/kad/1.0.0',
      peerInfoMapper: removePublicAddressesMapper,
      metricsPrefix: 'libp2p_kad_dht_lan',
      logPrefix: 'libp2p:kad-dht:lan',
      clientMode: client
    })
  }
}

/** A DHT in which others can write only so many records. */
function bounded(name: DhtName, init: KadDHTInit): DhtFactory {
  const prefix = prefixes[name]
  const create = kadDHT({ ...init, datastorePrefix: prefix })
  return components => {
    const self = components.peerId.toString()
    const records = new ProviderRecords(components.datastore, { prefix, self, recordsMax })
    // Not a copy: libp2p finds each component when it is asked for it.
    const own: PropertyDescriptorMap = { datastore: { value: records.datastore } }
    const kad = create(Object.create(components, own) as KadDHTComponents)
    recordsOf.set(kad, records)
    return kad
  }
}

/** One DHT of a running node. */
export interface Dht {
  readonly name: DhtName
  readonly kad: KadDHT
  /** Peers that its queries start from. With none of them a query waits for ever. */
  readonly table: EventTarget & { readonly size: number }
  /** What others say that they have, and we. */
  readonly records: ProviderRecords
}

/** Public on the object, left out of the interface. */
interface KadInternals extends KadDHT {
  readonly routingTable: Dht['table']
}

/** The DHTs that `libp2p` runs: two, or none under `--routing=none`. */
export function dhtsOf(libp2p: Libp2p): readonly Dht[] {
  const services = libp2p.services as unknown as Record<string, KadInternals | undefined>
  return names.flatMap(name => {
    const kad = services[name]
    if (kad === undefined) return []
    const records = recordsOf.get(kad)
    if (records === undefined) throw new Error(`${name} was not made here`)
    return [{ name, kad, table: kad.routingTable, records }]
  })
}

/** Resolves when one of `dhts` knows a peer, or `signal` aborts, or there is none to wait for. */
export async function joined(
  dhts: readonly Dht[],
  { signal }: { readonly signal: AbortSignal }
): Promise<void> {
  if (dhts.length === 0 || dhts.some(({ table }) => table.size > 0) || signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const onEvent = (): void => resolve()
  signal.addEventListener('abort', onEvent)
  for (const { table } of dhts) table.addEventListener('peer:add', onEvent)
  try {
    await promise
  } finally {
    signal.removeEventListener('abort', onEvent)
    for (const { table } of dhts) table.removeEventListener('peer:add', onEvent)
  }
}
