import { UsageInvalidError } from '../errors.ts'

/** Where an RPC listens. */
export interface RpcAddress {
  /** As a socket takes it: no brackets around an IPv6 address. */
  readonly host: string
  readonly port: number
}

/**
 * An address as kubo writes it in `Addresses.API` and in the `api` file: `/ip4/127.0.0.1/tcp/5001`.
 * An `http://` URL names one too.
 *
 * @throws USAGE_INVALID for anything else
 */
export function parseAddress(text: string): RpcAddress {
  const [, host, port] =
    /^\/(?:ip4|ip6|dns4?|dns6)\/([^/]+)\/tcp\/(\d+)(?:\/http)?$/.exec(text) ?? []
  if (host !== undefined) return { host, port: Number(port) }
  const url = URL.parse(text)
  if (url?.protocol !== 'http:') {
    throw new UsageInvalidError(`${text} is not an RPC address such as /ip4/127.0.0.1/tcp/5001`)
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) }
}

export function formatAddress({ host, port }: RpcAddress): string {
  const protocol = host.includes(':') ? 'ip6' : /^[\d.]+$/.test(host) ? 'ip4' : 'dns4'
  return `/${protocol}/${host}/tcp/${port}`
}

/** Names that no DNS server decides about. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
