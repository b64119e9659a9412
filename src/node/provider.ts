import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Provider } from '../exchange/index.ts'
import { ProviderAddressError } from './errors.ts'

/** The provider that a multiaddr ending in /p2p/<id> names. @throws USAGE_INVALID without an id */
export function providerAt(address: Multiaddr): Provider {
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p' || last.value === undefined) {
    throw new ProviderAddressError(address.toString())
  }
  return { id: peerIdFromString(last.value), addresses: [address] }
}
