import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import type { Block } from '../../src/block.ts'
import { anyDag, codes, leaf, node, reach, tree } from './dag.ts'
import { MemoryStore } from './memory-network.ts'
import { bytesOf, failureOf, names, setup } from './session-setup.ts'

describe('FetchSession.walk', () => {
  it('brings any DAG into the sink, each block once, asking once for what is not here', async () => {
    const holding = fc.constantFrom('peer', 'peer', 'local', 'sink')
    const cases = fc.record({
      dag: anyDag,
      places: fc.array(holding, { minLength: 42, maxLength: 42 }),
      turns: fc.array(fc.nat(5), { minLength: 1, maxLength: 16 }),
      wantsMax: fc.integer({ min: 1, max: 8 })
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ dag, places, turns, wantsMax }) => {
        const { present } = reach(dag.root, dag.blocks)
        const at = (place: string): Block[] => present.filter((_, index) => places[index] === place)
        let answers = 0
        const { network, session, sink } = await setup(dag.root, {
          peers: [present],
          local: at('local'),
          sunk: at('sink'),
          config: { wantsMax },
          turns: () => turns[answers++ % turns.length] ?? 0
        })
        await using _ = session
        const before = sink.appends
        const report = await session.walk(dag.root)
        assert.deepEqual(names(sink.blocks).sort(), names(present).sort())
        assert.equal(sink.appends - before, present.length - at('sink').length)
        assert.deepEqual(network.wants.toSorted(), names(at('peer')).sort())
        assert.ok(network.wantsInFlightMax <= wantsMax)
        assert.deepEqual(report, { blocks: present.length, bytes: bytesOf(present) })
        const { blocks, bytes, reusedBlocks, reusedBytes } = session.progress
        const reused = [...at('local'), ...at('sink')]
        assert.deepEqual([blocks, bytes], [at('peer').length, bytesOf(at('peer'))])
        assert.deepEqual([reusedBlocks, reusedBytes], [reused.length, bytesOf(reused)])
      }),
      { numRuns: 100 }
    )
  })

  it('names what no provider has, after bringing the rest of any DAG', async () => {
    const cases = fc.tuple(anyDag, fc.array(fc.boolean(), { minLength: 42, maxLength: 42 }))
    await fc.assert(
      fc.asyncProperty(cases, async ([dag, lost]) => {
        const all = reach(dag.root, dag.blocks).present
        const held = all.filter((block, index) => !lost[index] || block.cid.equals(dag.root))
        const { present, absent } = reach(dag.root, held)
        const { session, sink } = await setup(dag.root, { peers: [held] })
        await using _ = session
        const failure = await session.walk(dag.root).then(() => undefined, failureOf)
        assert.equal(failure?.code, absent.length > 0 ? 'FETCH_INCOMPLETE' : undefined)
        assert.deepEqual(names(sink.blocks).sort(), names(present).sort())
        assert.equal(failure?.count ?? 0, absent.length)
        const missing = (failure?.missing ?? []).map(String)
        assert.equal(missing.length, Math.min(20, absent.length))
        assert.ok(missing.every(cid => absent.map(String).includes(cid)))
      }),
      { numRuns: 100 }
    )
  })

  it('ends at missingMax missing blocks', async () => {
    const { root, blocks } = tree(1, 20)
    const config = { missingMax: 5, wantsMax: 1 }
    const { session } = await setup(root, { peers: [blocks.slice(-1)], config })
    await using _ = session
    await assert.rejects(session.walk(root), { code: 'FETCH_INCOMPLETE', count: 5 })
  })

  it('asks in the order of a depth-first traversal', async () => {
    const { root, blocks } = tree(3, 4)
    const { network, session, sink } = await setup(root, {
      peers: [blocks],
      config: { wantsMax: 1 }
    })
    await using _ = session
    await session.walk(root)
    const { present } = reach(root, blocks)
    assert.deepEqual(network.wants, names(present))
    assert.deepEqual(names(sink.blocks), names(present))
  })

  it('keeps at most wantBytesMax in flight, by the mean of what came', async () => {
    const leaves = Array.from({ length: 200 }, (_, salt) => leaf(salt, 1000))
    const cids = leaves.map(block => block.cid)
    const root = node(codes.dagCbor, cids)
    const { network, session } = await setup(root.cid, {
      peers: [[root, ...leaves]],
      config: { wantBytesMax: 10_000, wantsMax: 64 }
    })
    await using _ = session
    await session.walk(root.cid)
    assert.ok(network.wantsInFlightMax <= 10)
    assert.ok(network.wantsInFlightMax > 5)
  })

  it('asks for nothing that is in the sink when it is walked again', async () => {
    const { root, blocks } = tree(3, 3)
    const { network, session, sink } = await setup(root, { sunk: blocks })
    await using _ = session
    const report = await session.walk(root)
    assert.deepEqual(network.wants, [])
    assert.equal(report.blocks, blocks.length)
    assert.equal(session.progress.reusedBlocks, blocks.length)
    assert.equal(sink.appends, blocks.length)
  })

  it('follows links of bytes that it saw before under a codec without links', async () => {
    const child = leaf(1)
    const parent = node(codes.dagCbor, [child.cid])
    const asRaw = CID.createV1(codes.raw, parent.cid.multihash)
    const root = node(codes.dagCbor, [asRaw, parent.cid])
    const { session, sink } = await setup(root.cid, { peers: [[root, parent, child]] })
    await using _ = session
    await session.walk(root.cid)
    assert.ok(sink.holds(child.cid))
  })

  it('takes a block of blockBytesMax and refuses a larger one', async () => {
    for (const [size, code] of [[100, undefined] as const, [101, 'LIMIT_EXCEEDED'] as const]) {
      const block = leaf(1, size)
      const { session } = await setup(block.cid, {
        peers: [[block]],
        config: { blockBytesMax: 100 }
      })
      await using _ = session
      const failure = await session.walk(block.cid).then(() => undefined, failureOf)
      assert.equal(failure?.code, code)
    }
  })

  it('fails on a block whose links nobody can read', async () => {
    const git = CID.createV1(0x78, leaf(1).cid.multihash)
    const root = node(codes.dagCbor, [git])
    const { session } = await setup(root.cid, { peers: [[root, leaf(1)]] })
    await using _ = session
    await assert.rejects(session.walk(root.cid), { code: 'CODEC_UNKNOWN' })
  })

  it('passes on what the sink throws, whichever block of any DAG it throws at', async () => {
    const full = new Error('no space left')
    const turns = fc.array(fc.nat(3), { minLength: 1, maxLength: 16 })
    const cases = fc.record({ dag: anyDag, failAt: fc.nat(1000), turns, here: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(cases, async ({ dag, failAt, turns: delays, here }) => {
        const { present } = reach(dag.root, dag.blocks)
        const sink = new MemoryStore()
        const append = sink.append.bind(sink)
        sink.append = async block =>
          sink.appends === failAt % present.length ? Promise.reject(full) : append(block)
        let answers = 0
        const { session } = await setup(dag.root, {
          peers: [present],
          local: here ? present.slice(1) : [],
          turns: () => delays[answers++ % delays.length] ?? 0,
          parts: { sink }
        })
        await using _ = session
        await assert.rejects(session.walk(dag.root), error => error === full)
      }),
      { numRuns: 100 }
    )
  })
})
