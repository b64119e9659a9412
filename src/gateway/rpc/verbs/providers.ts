import type { ReadOptions } from '../../../node/index.ts'
import { UsageInvalidError } from '../../errors.ts'
import { loadNode } from '../../node.ts'

/** The peers that multiaddrs name. @throws USAGE_INVALID for one that names none */
export async function providersAt(
  addresses: readonly string[]
): Promise<NonNullable<ReadOptions['providers']>> {
  const { providerAt } = await loadNode()
  const { multiaddr } = await import('@multiformats/multiaddr')
  return addresses.map(address => {
    try {
      return providerAt(multiaddr(address))
    } catch (cause) {
      throw new UsageInvalidError(`${address} is not a multiaddr with /p2p/<id>`, { cause })
    }
  })
}
