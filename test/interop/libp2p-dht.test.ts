/** The traps of kad-dht that the code depends on, as `libp2p.test.ts` has those of libp2p. */
import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { identify } from '@libp2p/identify'
import type { Libp2p, Peer } from '@libp2p/interface'
import { kadDHT, type KadDHT } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { createLibp2p } from 'libp2p'
import type { CID } from 'multiformats/cid'
import { dhtsOf, joined } from '../../src/discovery/dht.ts'
import { makeBlock, nextEvent, withNodes } from '../loopback.ts'

const server = { routing: 'dht' } as const
const client = { routing: 'dhtclient' } as const

describe('kad-dht on loopback', () => {
  it('ends a provide and a find when the LAN service is called by itself', async () => {
    await withNodes([server, client, client], async (hub, provider, asker) => {
      await meet(hub, provider, asker)
      const { cid } = makeBlock(100, 1)
      assert.deepEqual(await provide(lan(provider), cid), [hub.peerId.toString()])
      assert.deepEqual(await find(lan(asker), cid), [provider.peerId.toString()])
      assert.equal(asker.getConnections(provider.peerId).length, 0)
    })
  })

  it('never ends a find through libp2p.contentRouting, which waits for the empty WAN table', async () => {
    await withNodes([server, client, client], async (hub, provider, asker) => {
      await meet(hub, provider, asker)
      const { cid } = makeBlock(100, 2)
      await provide(lan(provider), cid)
      const signal = AbortSignal.timeout(1_500)
      await assert.rejects(async () => {
        for await (const _ of asker.contentRouting.findProviders(cid, { signal })) continue
      })
      assert.ok(signal.aborted)
    })
  })

  it('never ends a find in a table that is empty', async () => {
    await withNodes([server], async node => {
      assert.ok(node !== undefined)
      const signal = AbortSignal.timeout(500)
      await assert.rejects(find(lan(node), makeBlock(100, 3).cid, signal))
      assert.ok(signal.aborted)
    })
  })

  it('takes a record of sha2-512 and gives it to nobody', async () => {
    await withNodes([server, client, client], async (hub, provider, asker) => {
      await meet(hub, provider, asker)
      const { cid } = makeBlock(100, 4, 0x13)
      assert.deepEqual(await provide(lan(provider), cid), [hub.peerId.toString()])
      assert.deepEqual(await find(lan(asker), cid), [])
    })
  })

  it('answers with no provider at all when the peer store lacks one of them', async () => {
    await withNodes([server, client, client, client], async (hub, one, other, asker) => {
      await meet(hub, one, other, asker)
      const { cid } = makeBlock(100, 5)
      await provide(lan(one), cid)
      await provide(lan(other), cid)
      assert.equal((await find(lan(asker), cid)).length, 2)
      await hub.peerStore.delete(one.peerId)
      assert.deepEqual(await find(lan(asker), cid), [])
    })
  })

  it('keeps the addresses of a provider for as long as its record', async () => {
    await withNodes([server, client, client], async (hub, provider, asker) => {
      await meet(hub, provider, asker)
      const { cid } = makeBlock(100, 6)
      await provide(lan(provider), cid)
      const now = Date.now()
      mock.timers.enable({ apis: ['Date'], now: now + 47 * 3_600_000 })
      try {
        const known = (await hub.peerStore.get(provider.peerId)).addresses
        assert.ok(known.length > 0)
        mock.timers.setTime(now + 49 * 3_600_000)
        assert.deepEqual((await hub.peerStore.get(provider.peerId)).addresses, [])
        mock.timers.setTime(now + 51 * 3_600_000)
        await assert.rejects(hub.peerStore.get(provider.peerId))
      } finally {
        mock.timers.reset()
      }
    })
  })

  it('answers in the public table once it has a public address, and never as a client', async () => {
    const addresses = {
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: ['/ip4/1.2.3.4/tcp/4001'] // told, and dialled by nobody
    }
    const nodes = [{ ...server, addresses }, { ...client, addresses }, { ...server }]
    await withNodes(nodes, async (open, asking, hidden) => {
      await Promise.all([open, asking, hidden].map(toldOfItself))
      const [wan] = dhtsOf(open)
      while (wan?.kad.getMode() !== 'server') await nextTurn()
      assert.deepEqual(modesOf(open), ['server', 'server'])
      assert.deepEqual(modesOf(asking), ['client', 'client'])
      assert.deepEqual(modesOf(hidden), ['client', 'server'])
    })
  })

  it('rests between announcements of its own for ever, and not at all one millisecond longer', async () => {
    const hot = await createLibp2p({
      services: {
        identify: identify(),
        ping: ping(),
        kad: kadDHT({ reprovide: { interval: 2 ** 31 } })
      }
    })
    try {
      await withNodes([server], async node => {
        assert.ok(node !== undefined)
        let ours = 0
        for (const { kad } of dhtsOf(node)) {
          reproviderOf(kad).addEventListener('reprovide:start', () => (ours += 1))
        }
        for (let round = 0; round < 10; round += 1) {
          await nextEvent(reproviderOf(hot.services.kad), 'reprovide:start')
        }
        assert.equal(ours, 0)
      })
    } finally {
      await hot.stop()
    }
  })
})

/** Lets clients know the hub, and waits until each has it in its table. */
async function meet(hub: Libp2p, ...clients: readonly Libp2p[]): Promise<void> {
  for (const node of clients) {
    await node.dial(hub.getMultiaddrs())
    await joined(dhtsOf(node), { signal: AbortSignal.timeout(10_000) })
  }
}

/** Resolves when the services of `node` have heard of its addresses, which takes it a moment. */
async function toldOfItself(node: Libp2p): Promise<void> {
  const { addresses } = await node.peerStore.get(node.peerId)
  if (addresses.length === 0) await nextEvent(node, 'self:peer:update', isAddressed)
}

function isAddressed({ peer }: { peer: Peer }): boolean {
  return peer.addresses.length > 0
}

function modesOf(node: Libp2p): string[] {
  return dhtsOf(node).map(({ kad }) => kad.getMode())
}

function lan(node: Libp2p): KadDHT {
  const dht = dhtsOf(node).find(({ name }) => name === 'lanDht')
  assert.ok(dht !== undefined)
  return dht.kad
}

/** Who took the record. */
async function provide(kad: KadDHT, cid: CID): Promise<string[]> {
  const peers: string[] = []
  for await (const event of kad.provide(cid, { signal: AbortSignal.timeout(10_000) })) {
    if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') {
      peers.push(event.from.toString())
    }
  }
  return peers
}

async function find(
  kad: KadDHT,
  cid: CID,
  signal: AbortSignal = AbortSignal.timeout(10_000)
): Promise<string[]> {
  const peers: string[] = []
  for await (const event of kad.findProviders(cid, { signal })) {
    if (event.name === 'PROVIDER') peers.push(...event.providers.map(({ id }) => id.toString()))
  }
  return peers
}

function reproviderOf(kad: KadDHT): EventTarget {
  return (kad as KadDHT & { reprovider: EventTarget }).reprovider
}
