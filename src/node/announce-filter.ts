import { BlockList, isIPv6 } from 'node:net'
import { removePrivateAddressesMapper } from '@libp2p/kad-dht'
import type { PeerId } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/**
 * Which of its addresses a peer tells others: none that `noAnnounce` names, as an address or as a
 * network such as /ip4/10.0.0.0/ipcidr/8, and private ones only while there is no public one.
 */
export function announceFilter(
  peerId: PeerId,
  noAnnounce: readonly string[]
): (addresses: Multiaddr[]) => Multiaddr[] {
  const refused = new BlockList()
  const exact = new Set<string>()
  for (const text of noAnnounce) {
    const [host, network] = multiaddr(text).getComponents()
    if (network?.name === 'ipcidr' && host?.value !== undefined) {
      refused.addSubnet(host.value, Number(network.value), familyOf(host.value))
    } else {
      exact.add(text)
    }
  }
  return addresses => {
    const allowed = addresses.filter(
      address => !exact.has(withoutPeer(address)) && !isInside(refused, address)
    )
    const open = removePrivateAddressesMapper({ id: peerId, multiaddrs: allowed }).multiaddrs
    return open.length > 0 ? open : allowed
  }
}

function isInside(networks: BlockList, address: Multiaddr): boolean {
  const [host] = address.getComponents()
  if (host?.value === undefined || (host.name !== 'ip4' && host.name !== 'ip6')) return false
  return networks.check(host.value, familyOf(host.value))
}

function withoutPeer(address: Multiaddr): string {
  return address.toString().replace(/\/p2p\/[^/]+$/, '')
}

function familyOf(host: string): 'ipv4' | 'ipv6' {
  return isIPv6(host) ? 'ipv6' : 'ipv4'
}
