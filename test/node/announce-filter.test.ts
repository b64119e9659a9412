import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { announceFilter } from '../../src/node/announce-filter.ts'

const peerId = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))

describe('announce filter', () => {
  const table: readonly { why: string; refused?: string[]; given: string[]; kept: string[] }[] = [
    {
      why: 'keeps private addresses while there is no other',
      given: ['/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/1'],
      kept: ['/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/1']
    },
    {
      why: 'drops private addresses beside a public one',
      given: ['/ip4/127.0.0.1/tcp/1', '/ip6/fc00::1/tcp/1', '/ip4/8.8.8.8/tcp/1'],
      kept: ['/ip4/8.8.8.8/tcp/1']
    },
    {
      why: 'keeps names',
      given: ['/ip4/127.0.0.1/tcp/1', '/dns4/example.org/tcp/1'],
      kept: ['/dns4/example.org/tcp/1']
    },
    {
      why: 'drops an address that is named',
      refused: ['/ip4/10.0.0.1/tcp/1'],
      given: ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/2'],
      kept: ['/ip4/10.0.0.1/tcp/2']
    },
    {
      why: 'drops the addresses of a network that is named, its first and last included',
      refused: ['/ip4/10.0.0.0/ipcidr/8', '/ip6/fc00::/ipcidr/7'],
      given: [
        '/ip4/9.255.255.255/tcp/1',
        '/ip4/10.0.0.0/tcp/1',
        '/ip4/10.255.255.255/tcp/1',
        '/ip4/11.0.0.0/tcp/1',
        '/ip6/fdff::1/tcp/1'
      ],
      kept: ['/ip4/9.255.255.255/tcp/1', '/ip4/11.0.0.0/tcp/1']
    },
    {
      why: 'announces nothing when all is refused',
      refused: ['/ip4/0.0.0.0/ipcidr/0'],
      given: ['/ip4/8.8.8.8/tcp/1'],
      kept: []
    }
  ]
  for (const { given, kept, refused = [], why } of table) {
    it(why, () => {
      const filter = announceFilter(peerId, refused)
      const addresses = given.map(text => multiaddr(`${text}/p2p/${peerId}`))
      assert.deepEqual(
        filter(addresses).map(String),
        kept.map(text => `${text}/p2p/${peerId}`)
      )
    })
  }
})
