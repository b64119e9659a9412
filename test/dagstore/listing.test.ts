import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { blocks, collect, TestRepo } from './repo.ts'

describe('Dagstore.list', () => {
  it('pages through all shards in the order of their keys', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open({ listMax: 3 })
    const keys = Array.from({ length: 7 }, (_, at) => `shard ${at}`)
    for (const key of keys) {
      await store.register(await repo.car(key, blocks(key, 1)), { key, lazy: true })
    }
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = store.list({ after, limit: 100 })
      assert.ok(page.shards.length <= 3)
      assert.equal(page.total, 7)
      seen.push(...page.shards.map(({ key }) => key))
      after = page.after
    } while (after !== undefined)
    assert.deepEqual(seen, keys)
    assert.deepEqual(store.list({ text: 'shard 4' }).total, 1)
    for (const limit of [0, -1]) assert.deepEqual(store.list({ limit }).shards, [])
  })

  it('filters and counts by state, what goes on in this process counted', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    for (const key of ['available', 'serving', 'errored']) {
      await store.register(await repo.car(key, blocks(key, 2)), { key })
    }
    await store.register(await repo.car('new', blocks('new', 2)), { key: 'new', lazy: true })
    await using serving = await store.acquire('serving')
    await rm(repo.path('errored'))
    await assert.rejects(store.acquire('errored'), { code: 'SHARD_FAILED' })

    assert.equal(serving.info.state, 'ShardStateServing')
    for (const [state, key] of [
      ['ShardStateAvailable', 'available'],
      ['ShardStateServing', 'serving'],
      ['ShardStateErrored', 'errored'],
      ['ShardStateNew', 'new']
    ] as const) {
      const { shards, total } = store.list({ state })
      assert.deepEqual([shards.map(shard => shard.key), total], [[key], 1], state)
      assert.equal(store.counts()[state], 1)
    }
    assert.equal(store.list({ state: 'ShardStateRecovering' }).total, 0)
  })
})

describe('Dagstore.announceItems', () => {
  it('gives roots and blocks as the policies say, in the order of indexing', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open({ announce: 'none' })
    const [all, roots, none] = [blocks('all', 5), blocks('roots', 5), blocks('none', 5)]
    await store.register(await repo.car('r', roots), { key: 'r', announce: 'roots' })
    await store.register(await repo.car('n', none), { key: 'n' })
    await store.register(await repo.car('a', all), { key: 'a', announce: 'all' })
    const items = await collect(store.announceItems())
    const cids = items.map(({ cid }) => cid.toString())
    assert.equal(cids[0], roots[0]!.cid.toString())
    assert.deepEqual(cids.slice(1).toSorted(), all.map(({ cid }) => cid.toString()).toSorted())

    const again = await repo.open()
    for (const [at, { cursor }] of items.entries()) {
      const rest = await collect(again.announceItems({ after: cursor }))
      assert.deepEqual(
        rest.map(({ cid }) => cid.toString()),
        cids.slice(at + 1)
      )
    }
  })

  it('leaves out shards that cannot serve, and goes on behind one that is destroyed', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const keys = ['a', 'b', 'c']
    for (const key of keys) await store.register(await repo.car(key, blocks(key, 2)), { key })
    const [first] = await collect(store.announceItems())
    await store.destroy('a')
    await rm(repo.path('b'))
    await assert.rejects(store.acquire('b'), { code: 'SHARD_FAILED' })
    const rest = await collect(store.announceItems({ after: first!.cursor }))
    assert.deepEqual(
      rest.map(({ cid }) => cid.toString()),
      [blocks('c', 1)[0]!.cid.toString()]
    )
  })
})
