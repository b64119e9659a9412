import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FetchProgress } from '../../src/exchange/index.ts'
import { blockAt, codes, leaf, node, reach, tree } from './dag.ts'
import { bytesOf, failureOf, setup } from './session-setup.ts'

describe('FetchSession.get', () => {
  it('gives readers and walks that run at once the same blocks, asked for once', async () => {
    const { root, blocks } = tree(3, 4)
    const { network, session, sink } = await setup(root, { peers: [blocks], turns: () => 2 })
    await using _ = session
    const read = async (): Promise<void> => {
      for (const { cid, bytes } of reach(root, blocks).present) {
        assert.deepEqual(await session.get(cid), bytes)
      }
    }
    await Promise.all([session.walk(root), session.walk(root), read(), read()])
    assert.equal(network.wants.length, blocks.length)
    assert.equal(sink.blocks.length, blocks.length)
    const { progress } = session
    assert.deepEqual([progress.blocks, progress.reusedBlocks], [blocks.length, 0])
  })

  it('gives what the sink or this peer has without asking anybody', async () => {
    const [here, sunk] = [leaf(1), leaf(2)]
    const { network, session, sink } = await setup(here.cid, { local: [here], sunk: [sunk] })
    await using _ = session
    assert.deepEqual(await session.get(here.cid), here.bytes)
    assert.deepEqual(await session.get(sunk.cid), sunk.bytes)
    const inline = node(codes.dagCbor, [], 0, 0)
    assert.deepEqual(Buffer.from(await session.get(inline.cid)), Buffer.from(inline.bytes))
    assert.deepEqual([network.wants, sink.blocks.length], [[], 1])
  })

  it('throws FETCH_INCOMPLETE for a block that every provider refuses', async () => {
    const { root, blocks } = tree(1, 2)
    const { session } = await setup(root, { peers: [blocks] })
    await using _ = session
    await assert.rejects(session.get(leaf(99).cid), { code: 'FETCH_INCOMPLETE', count: 1 })
  })

  it('is served before a walk that reads ahead', async () => {
    const leaves = Array.from({ length: 40 }, (_, salt) => leaf(salt))
    const root = node(
      codes.dagCbor,
      leaves.map(({ cid }) => cid)
    )
    const config = { wantsMax: 2 }
    const { network, session } = await setup(root.cid, { peers: [[root, ...leaves]], config })
    await using _ = session
    await session.get(root.cid)
    const walk = session.walk(root.cid)
    await session.get(blockAt(leaves, -1).cid)
    assert.ok(network.wants.length < 10)
    await walk
  })
})

describe('FetchSession when it is cancelled', () => {
  it('ends with the reason of the caller, and harms no other', async () => {
    const { root, blocks } = tree(2, 4)
    const { session, sink } = await setup(root, { peers: [blocks], turns: () => 5 })
    await using _ = session
    const leaving = new AbortController()
    const reason = { why: 'the user left' }
    const calls = [
      session.walk(root, { signal: leaving.signal }),
      session.get(root, { signal: leaving.signal })
    ]
    const staying = session.walk(root)
    leaving.abort(reason)
    for (const { status, ...rest } of await Promise.allSettled(calls)) {
      assert.deepEqual([status, rest], ['rejected', { reason }])
    }
    await staying
    assert.equal(sink.blocks.length, blocks.length)
    await assert.rejects(session.walk(root, { signal: leaving.signal }), error => error === reason)
  })

  it('takes back what nobody waits for any more', async () => {
    const { root } = tree(0, 0)
    const { network, peers, session } = await setup(root, { peers: [[]] })
    await using _ = session
    for (const peer of peers) peer.manner = 'is silent'
    const leaving = new AbortController()
    const get = session.get(root, { signal: leaving.signal })
    while (network.wantsInFlight === 0) await new Promise(setImmediate)
    leaving.abort(new Error('enough'))
    await assert.rejects(get, /enough/)
    while (network.wantsInFlight > 0) await new Promise(setImmediate)
    assert.deepEqual(session.progress.waitingFor, [])
  })

  it('ends everything that waits when it is closed', async () => {
    const { root, blocks } = tree(2, 4)
    const { peers, session } = await setup(root, { peers: [blocks] })
    for (const peer of peers) peer.manner = 'is silent'
    const calls = [session.walk(root), session.get(root)]
    const ends = Promise.allSettled(calls)
    await session.close()
    for (const end of await ends) {
      assert.ok(end.status === 'rejected')
      assert.equal(failureOf(end.reason).code, 'CLOSED')
    }
    await assert.rejects(session.get(root), { code: 'CLOSED' })
    await assert.rejects(session.walk(root), { code: 'CLOSED' })
  })

  it('writes nothing to the sink once it is closed', async () => {
    const { root, blocks } = tree(3, 4)
    const { session, sink } = await setup(root, { peers: [blocks], turns: () => 1 })
    const end = assert.rejects(session.walk(root), { code: 'CLOSED' })
    await session.get(root)
    await session.close()
    const written = sink.appends
    await end
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    assert.equal(sink.appends, written)
  })
})

describe('FetchSession.progress', () => {
  it('is not stopped by a listener that throws', async () => {
    const { root, blocks } = tree(1, 3)
    const onProgress = (): never => {
      throw new Error('a bug of the caller')
    }
    const parts = { onProgress }
    const { session, sink } = await setup(root, { peers: [blocks], parts })
    await using _ = session
    await session.walk(root)
    assert.equal(sink.blocks.length, blocks.length)
  })

  it('is told no more often than each progressIntervalMs, and at the end', async () => {
    const { root, blocks } = tree(2, 5)
    for (const [progressIntervalMs, times] of [
      [0, blocks.length + 1] as const,
      [1e9, 2] as const
    ]) {
      let told = 0
      const parts = { onProgress: () => void told++ }
      const config = { progressIntervalMs }
      const { session } = await setup(root, { peers: [blocks], parts, config })
      await using _ = session
      await session.walk(root)
      assert.equal(told, times)
    }
  })

  it('counts what came and what was here, and is told at the end', async () => {
    const { root, blocks } = tree(2, 3)
    const [local, remote] = [blocks.slice(0, 4), blocks.slice(4)]
    const told: FetchProgress[] = []
    const parts = { onProgress: (progress: FetchProgress) => told.push(progress) }
    const { peers, session } = await setup(root, { peers: [remote], local, parts })
    await using _ = session
    await session.walk(root)
    const last = told.at(-1)
    assert.ok(last !== undefined)
    const { rate, ...counted } = last
    assert.ok(rate > 0)
    assert.deepEqual(counted, {
      blocks: remote.length,
      bytes: bytesOf(remote),
      reusedBlocks: local.length,
      reusedBytes: bytesOf(local),
      peers: peers.map(({ id }) => String(id)),
      waitingFor: [],
      undialable: { count: 0, reasons: {} }
    })
  })
})
