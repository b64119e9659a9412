import type { Provider } from '../exchange.ts'

/** Transports by their names in multiaddrs, those that carry others first. */
const transports = [
  'p2p-circuit',
  'webtransport',
  'webrtc-direct',
  'webrtc',
  'quic-v1',
  'quic',
  'wss',
  'ws',
  'tcp'
]
/** Those that a dial can have failed over for a reason of its own. */
const spoken = new Set(['tcp', 'ws', 'wss'])

/** Why a provider could not be dialled, in words that are the same for many: they are counted. */
export function undialableReason({ addresses }: Provider, error: unknown): string {
  const offered = new Set<string>()
  for (const address of addresses) {
    const names = new Set(address.getComponents().map(component => component.name))
    offered.add(transports.find(transport => names.has(transport)) ?? 'no known transport')
  }
  const isForeign = offered.size > 0 && !offered.values().some(transport => spoken.has(transport))
  if (isForeign) return `${[...offered].join(', ')} only`
  return nameOf(error)
}

/** The messages of libp2p have addresses and peer ids in them; the names of its errors do not. */
function nameOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(nameOf))].join(', ')
  }
  if (!(error instanceof Error)) return 'dial failed'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
