import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import * as fc from 'fast-check'
import { anyDag, reach, tree } from './dag.ts'
import type { Manner, MemoryPeer } from './memory-network.ts'
import { failureOf, setup } from './session-setup.ts'

describe('FetchSession with peers that fail', () => {
  it('asks a peer that a search finds once the named one refuses', async () => {
    const { root, blocks } = tree(2, 4)
    const half = blocks.filter((_, index) => index % 2 === 0 || index === blocks.length - 1)
    const { peers, session, sink } = await setup(root, { named: half, peers: [blocks] })
    await using _ = session
    await session.walk(root)
    assert.equal(sink.blocks.length, blocks.length)
    assert.deepEqual(session.progress.peers.toSorted(), peers.map(({ id }) => String(id)).sort())
  })

  it('brings any DAG that the peers who answer have between them, whatever others do', async () => {
    const manner = fc.constantFrom<Manner>('answers', 'is silent', 'breaks')
    const holding = fc.array(fc.nat(3), { minLength: 42, maxLength: 42 })
    const cases = fc.record({ dag: anyDag, manners: fc.tuple(manner, manner, manner), holding })
    await fc.assert(
      fc.asyncProperty(cases, async ({ dag, manners, holding: holders }) => {
        const { present } = reach(dag.root, dag.blocks)
        // Three that may or may not answer have some of it; a fourth and a fifth have a half each.
        const some = [0, 1, 2].map(peer => present.filter((_, index) => holders[index] === peer))
        const halves = [0, 1].map(half => present.filter((_, index) => index % 2 === half))
        const config = { wantTimeoutMs: 4, searchPauseMs: 1 }
        const { peers, session, sink } = await setup(dag.root, {
          peers: [...some, ...halves],
          config
        })
        await using _ = session
        for (const [index, how] of manners.entries()) peerAt(peers, index).manner = how
        await session.walk(dag.root)
        assert.equal(sink.blocks.length, present.length)
        assert.equal(sink.appends, present.length)
      }),
      { numRuns: 60 }
    )
  })

  it('does not search while a named provider answers', async () => {
    const { root, blocks } = tree(2, 4)
    const { network, session } = await setup(root, { named: blocks })
    await using _ = session
    await session.walk(root)
    assert.deepEqual(network.searches, [])
  })

  it('asks the others when a peer says nothing', async () => {
    const { root, blocks } = tree(2, 4)
    const config = { wantTimeoutMs: 20 }
    const { peers, session, sink } = await setup(root, { peers: [blocks, blocks], config })
    await using _ = session
    const silent = peerAt(peers, 0)
    silent.manner = 'is silent'
    await session.walk(root)
    assert.equal(sink.blocks.length, blocks.length)
  })

  it('goes on with the others when a peer breaks off', async () => {
    const { root, blocks } = tree(2, 4)
    const { peers, session, sink } = await setup(root, { peers: [blocks, blocks] })
    await using _ = session
    const broken = peerAt(peers, 0)
    broken.manner = 'breaks'
    await session.walk(root)
    assert.equal(sink.blocks.length, blocks.length)
    assert.ok(broken.asked.length > 0)
  })

  it('dials a peer that broke off again when there is no other', async () => {
    const { root, blocks } = tree(2, 4)
    const config = { searchPauseMs: 1 }
    const { network, peers, session, sink } = await setup(root, { peers: [blocks], config })
    await using _ = session
    let dials = 0
    network.onDial = peer => {
      dials += 1
      peer.manner = dials < 4 ? 'breaks' : 'answers'
    }
    await session.walk(root)
    assert.equal(sink.blocks.length, blocks.length)
    assert.equal(peers.length, 1)
  })

  it('says who was asked for what when nothing comes any more', async () => {
    const { root, blocks } = tree(1, 30)
    const { peers, session } = await setup(root, {
      peers: [blocks],
      config: { wantsMax: 9, idleTimeoutMs: 400 }
    })
    await using _ = session
    const peer = peerAt(peers, 0)
    await session.get(root)
    peer.manner = 'is silent'
    await assert.rejects(session.walk(root), error => {
      const { code, asked, count, waitingFor, message } = failureOf(error)
      assert.equal(code, 'IDLE_TIMEOUT')
      assert.deepEqual(asked, [String(peer.id)])
      assert.deepEqual([count, waitingFor?.length], [9, 9])
      assert.match(message, new RegExp(`nothing came for 0.4 s: asked ${peer.id} for bafk.* more`))
      return true
    })
  })

  it('counts providers that cannot be dialled, by reason', async () => {
    const { root } = tree(0, 0)
    const { network, session } = await setup(root, { config: { idleTimeoutMs: 100 } })
    await using _ = session
    for (const address of ['/ip4/1.2.3.4/udp/1/quic-v1', '/ip4/1.2.3.5/udp/1/quic-v1']) {
      const peer = await network.addPeer()
      peer.unreachable = new Error('no transport')
      network.found.push({ id: peer.id, addresses: [multiaddr(address)] })
    }
    const refusing = await network.addPeer()
    refusing.unreachable = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
    network.found.push({ id: refusing.id, addresses: [multiaddr('/ip4/1.2.3.4/tcp/1')] })
    await assert.rejects(session.walk(root), error => {
      const { code, undialable } = failureOf(error)
      assert.equal(code, 'PROVIDERS_NOT_FOUND')
      const reasons = { 'quic-v1 only': 2, ECONNREFUSED: 1 }
      assert.deepEqual(undialable, { count: 3, reasons })
      return true
    })
  })

  it('keeps searching while nobody is found', async () => {
    const { root, blocks } = tree(1, 2)
    const { network, session } = await setup(root, { config: { searchPauseMs: 1 } })
    await using _ = session
    const peer = await network.addPeer(blocks)
    network.onSearch = () => {
      if (network.searches.length === 3) network.found.push(peer)
    }
    await session.walk(root)
    assert.ok(network.searches.length >= 3)
  })

  it('searches for a block that all refuse, and stops after searchesMax that found nobody', async () => {
    const { root, blocks } = tree(1, 20)
    const rest = blocks.slice(-1)
    const { network, session } = await setup(root, { peers: [rest], config: { searchesMax: 3 } })
    await using _ = session
    await assert.rejects(session.walk(root), { code: 'FETCH_INCOMPLETE', count: 20 })
    assert.equal(network.searches.length, 1 + 3)
  })

  it('connects to peersMax peers and no more', async () => {
    const { root, blocks } = tree(1, 30)
    const peers = [blocks, blocks, blocks, blocks]
    const config = { peersMax: 2, dialsMax: 1 }
    const { session } = await setup(root, { peers, config, turns: () => 3 })
    await using _ = session
    await session.walk(root)
    assert.equal(session.progress.peers.length, 2)
  })

  it('shares the work between peers that do it equally well', async () => {
    const { root, blocks } = tree(1, 100)
    const config = { wantsMax: 10 }
    const { peers, session } = await setup(root, {
      peers: [blocks, blocks],
      config,
      turns: () => 3
    })
    await using _ = session
    await session.walk(root)
    for (const peer of peers) assert.ok(peer.asked.length > 30)
    assert.equal(peerAt(peers, 0).asked.length + peerAt(peers, 1).asked.length, 101)
  })

  it('dials dialsMax providers at once and no more', async () => {
    const { root, blocks } = tree(0, 0)
    const peers = [[], [], [], blocks]
    const { network, session } = await setup(root, { peers, config: { dialsMax: 2 } })
    await using _ = session
    await session.walk(root)
    assert.equal(network.dialsInFlightMax, 2)
  })

  for (const { name, providersMax, code } of [
    { name: 'remembers providersMax providers', providersMax: 4, code: undefined },
    { name: 'forgets one more', providersMax: 3, code: 'PROVIDERS_NOT_FOUND' }
  ]) {
    it(name, async () => {
      const { root, blocks } = tree(0, 0)
      const config = { providersMax, idleTimeoutMs: 200 }
      const { peers, session } = await setup(root, { peers: [[], [], [], blocks], config })
      await using _ = session
      for (const peer of peers.slice(0, 3)) peer.unreachable = new Error('down')
      const failure = await session.walk(root).then(() => undefined, failureOf)
      assert.equal(failure?.code, code)
    })
  }
})

function peerAt(peers: readonly MemoryPeer[], index: number): MemoryPeer {
  const peer = peers[index]
  assert.ok(peer !== undefined)
  return peer
}
