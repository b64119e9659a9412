import type { PartialConfig } from './config.ts'

export type ProfileName = 'test' | 'server'

/** Named sets of config values, as kubo's profiles. */
export const profiles: Record<ProfileName, PartialConfig> = {
  /** Many peers on one machine that nobody outside it sees. */
  test: {
    Bootstrap: [],
    Addresses: {
      Swarm: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'],
      API: '/ip4/127.0.0.1/tcp/0'
    },
    Routing: { InitialQuery: '50ms' },
    Swarm: {
      InboundConnectionThreshold: 1_000_000,
      MaxIncomingPendingConnections: 1_000,
      DialTimeout: '60s'
    }
  },
  /** A host with a public address: private ones are not announced. The networks of kubo's profile. */
  server: {
    Addresses: {
      NoAnnounce: [
        '/ip4/10.0.0.0/ipcidr/8',
        '/ip4/100.64.0.0/ipcidr/10',
        '/ip4/169.254.0.0/ipcidr/16',
        '/ip4/172.16.0.0/ipcidr/12',
        '/ip4/192.0.0.0/ipcidr/24',
        '/ip4/192.0.2.0/ipcidr/24',
        '/ip4/192.168.0.0/ipcidr/16',
        '/ip4/198.18.0.0/ipcidr/15',
        '/ip4/198.51.100.0/ipcidr/24',
        '/ip4/203.0.113.0/ipcidr/24',
        '/ip4/240.0.0.0/ipcidr/4',
        '/ip6/100::/ipcidr/64',
        '/ip6/2001:2::/ipcidr/48',
        '/ip6/2001:db8::/ipcidr/32',
        '/ip6/fc00::/ipcidr/7',
        '/ip6/fe80::/ipcidr/10'
      ]
    }
  }
}
