import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { isMultiaddr, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { Key } from 'interface-datastore'
import type { CID } from 'multiformats/cid'
import { dhtsOf, joined } from '../../src/discovery/dht.ts'
import { Discovery, type DiscoveryConfig } from '../../src/discovery/index.ts'
import { silentLog } from '../../src/log.ts'
import { makeBlock, nextEvent, startNode, withNodes } from '../loopback.ts'

const server = { routing: 'dht' } as const
const client = { routing: 'dhtclient' } as const

describe('discovery', () => {
  it('finds a provider that it has no connection to, with its addresses', async () => {
    await withNodes([server, client, client], async (hub, provider, asker) => {
      const { cid } = makeBlock(100, 1)
      await using providing = discover(provider, hub)
      await using asking = discover(asker, hub)
      await joined(dhtsOf(provider), { signal: AbortSignal.timeout(10_000) })
      const { peers } = await providing.discovery.provide(cid)
      assert.deepEqual(peers.map(String), [hub.peerId.toString()])
      const found = await Array.fromAsync(asking.discovery.findProviders(cid))
      assert.deepEqual(
        found.map(({ id }) => id.toString()),
        [provider.peerId.toString()]
      )
      assert.equal(asker.getConnections(provider.peerId).length, 0)
      await asker.dial(Array.from(found[0]?.addresses ?? []))
    })
  })

  it('announces what is enqueued, and everything there is', async () => {
    await withNodes([server, client, client], async (hub, provider, asker) => {
      const [enqueued, held] = [makeBlock(100, 2).cid, makeBlock(100, 3).cid]
      await using providing = discover(provider, hub, { items: [held] })
      await using asking = discover(asker, hub)
      providing.discovery.enqueue(enqueued)
      await nextEvent(providing.said, 'everything was announced')
      for (const cid of [enqueued, held]) {
        const found = await Array.fromAsync(asking.discovery.findProviders(cid))
        assert.deepEqual(
          found.map(({ id }) => id.toString()),
          [provider.peerId.toString()]
        )
      }
      assert.equal(providing.discovery.status().done, 2)
    })
  })

  it('names itself to one who asks it, also when it knows nobody to tell', async () => {
    await withNodes([server, client], async (provider, asker) => {
      const { cid } = makeBlock(100, 7)
      await using providing = discover(provider)
      await using asking = discover(asker, provider)
      providing.discovery.enqueue(cid)
      // libp2p learns its own addresses a moment after the start.
      const signal = AbortSignal.timeout(10_000)
      let found: string[] = []
      while (found.length === 0) {
        const providers = await Array.fromAsync(asking.discovery.findProviders(cid, { signal }))
        found = providers.map(({ id }) => id.toString())
      }
      assert.deepEqual(found, [provider.peerId.toString()])
      assert.equal(providing.discovery.status().done, 0)
    })
  })

  it('leaves itself out of what it finds', async () => {
    await withNodes([server, client], async (hub, provider) => {
      const { cid } = makeBlock(100, 4)
      await using providing = discover(provider, hub)
      await joined(dhtsOf(provider), { signal: AbortSignal.timeout(10_000) })
      await providing.discovery.provide(cid)
      assert.deepEqual(await Array.fromAsync(providing.discovery.findProviders(cid)), [])
    })
  })

  it('says what cannot be announced, and why', async () => {
    await withNodes([server, client], async (hub, provider) => {
      await using providing = discover(provider, hub)
      await joined(dhtsOf(provider), { signal: AbortSignal.timeout(10_000) })
      const announcing = providing.discovery.provide(makeBlock(100, 5, 0x13).cid)
      await assert.rejects(announcing, { code: 'PROVIDE_FAILED', permanent: true })
    })
  })

  it('fails to announce with nobody to tell', async () => {
    await withNodes([server], async alone => {
      await using providing = discover(alone)
      const announcing = providing.discovery.provide(makeBlock(100, 6).cid)
      await assert.rejects(announcing, { code: 'PROVIDE_FAILED', permanent: false })
    })
  })

  it('ends a search with nobody to ask after the time for joining', async () => {
    await withNodes([server], async alone => {
      await using asking = discover(alone, undefined, { config: { joinTimeoutMs: 50 } })
      assert.deepEqual(
        await Array.fromAsync(asking.discovery.findProviders(makeBlock(1, 1).cid)),
        []
      )
    })
  })

  it('ends a search with the reason of its caller', async () => {
    await withNodes([server], async alone => {
      await using asking = discover(alone)
      const left = new AbortController()
      const { signal } = left
      const searching = Array.fromAsync(
        asking.discovery.findProviders(makeBlock(1, 1).cid, { signal })
      )
      const reason = new Error('called off')
      left.abort(reason)
      await assert.rejects(searching, reason)
    })
  })

  it('finds nothing and dials its bootstrap peers without a DHT', async () => {
    await withNodes([{}, {}], async (hub, node) => {
      await using asking = discover(node, hub)
      await nextEvent(node, 'peer:connect')
      assert.deepEqual(
        await Array.fromAsync(asking.discovery.findProviders(makeBlock(1, 1).cid)),
        []
      )
    })
  })

  it('keeps no record of itself for what was forgotten', async () => {
    await withNodes([server, client], async (hub, provider) => {
      const { cid } = makeBlock(100, 7)
      await using providing = discover(provider, hub)
      await joined(dhtsOf(provider), { signal: AbortSignal.timeout(10_000) })
      await providing.discovery.provide(cid)
      assert.equal((await recordsOf(provider)).length, 1)
      await providing.discovery.forget(cid)
      assert.deepEqual(await recordsOf(provider), [])
    })
  })
})

describe('bootstrap', () => {
  it('dials again until a peer that was away answers', async () => {
    const port = await freePort()
    await withNodes([client], async node => {
      const privateKey = await generateKeyPair('Ed25519')
      const id = peerIdFromPrivateKey(privateKey)
      const address = multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${id}`)
      await using joining = discover(node, address, { config: { retryMinMs: 20, retryMaxMs: 50 } })
      await nextEvent(joining.said, 'offline: no bootstrap peer answers; they are tried again')
      const hub = await startNode({
        ...server,
        privateKey,
        addresses: { listen: [`/ip4/127.0.0.1/tcp/${port}`] }
      })
      try {
        await joined(dhtsOf(node), { signal: AbortSignal.timeout(20_000) })
        assert.deepEqual(node.getPeers().map(String), [id.toString()])
      } finally {
        await hub.stop()
      }
    })
  })

  it('dials a peer that is added, and keeps the list', async () => {
    await withNodes([server, client], async (hub, node) => {
      await using joining = discover(node)
      const address = addressOf(hub)
      joining.discovery.addBootstrap(address)
      await joined(dhtsOf(node), { signal: AbortSignal.timeout(20_000) })
      assert.deepEqual(joining.discovery.listBootstrap().map(String), [address.toString()])
      assert.equal(joining.discovery.removeBootstrap(address), true)
      assert.equal(joining.discovery.removeBootstrap(address), false)
      assert.deepEqual(joining.discovery.listBootstrap(), [])
    })
  })
})

interface Discovering extends AsyncDisposable {
  readonly discovery: Discovery
  /** What it logs, by message. */
  readonly said: EventTarget
}

/** Discovery over a running node, started. */
function discover(
  node: Libp2p,
  bootstrap?: Libp2p | Multiaddr,
  { items = [], config = {} }: { items?: CID[]; config?: Partial<DiscoveryConfig> } = {}
): Discovering {
  const said = new EventTarget()
  const note = (_fields: object, message: string): void => {
    said.dispatchEvent(new Event(message))
  }
  const addresses = bootstrap === undefined ? [] : [addressOf(bootstrap)]
  const notes = new Map<string, Uint8Array>()
  const discovery = new Discovery({
    libp2p: node,
    bootstrap: addresses,
    source: {
      async *announceItems() {
        for (const [at, cid] of items.entries()) yield { cursor: String(at), cid }
      }
    },
    cursors: {
      note: name => notes.get(name),
      async setNote(name, bytes) {
        notes.set(name, bytes)
      }
    },
    log: { ...silentLog, info: note },
    config
  })
  discovery.start()
  return { discovery, said, [Symbol.asyncDispose]: async () => discovery.stop() }
}

function addressOf(peer: Libp2p | Multiaddr): Multiaddr {
  if (isMultiaddr(peer)) return peer
  const [address] = peer.getMultiaddrs()
  assert.ok(address !== undefined)
  return address
}

async function recordsOf(node: Libp2p): Promise<string[]> {
  const [dht] = dhtsOf(node)
  assert.ok(dht !== undefined)
  return Array.fromAsync(dht.records.datastore.queryKeys({ filters: [isRecord] }), String)
}

function isRecord(key: Key): boolean {
  return key.toString().includes('/provider/')
}

/** A port of this machine that nobody listens on. */
async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address() as AddressInfo
  socket.close()
  await once(socket, 'close')
  return port
}
