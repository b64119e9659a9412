import assert from 'node:assert/strict'
import { stat, truncate } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { blocks, states, TestRepo } from './repo.ts'

describe('a shard whose index is damaged', () => {
  it('is indexed anew without a command', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = blocks('a', 300)
    await store.register(await repo.car('a', made), { key: 'a' })
    const [name] = await repo.indices()
    const { size } = await stat(repo.path('repo', 'index', name!))
    await truncate(repo.path('repo', 'index', name!), size / 2)
    const failures = await Promise.allSettled(made.map(async ({ cid }) => store.get(cid)))
    assert.ok(failures.some(({ status }) => status === 'rejected'))
    await (await store.acquire('a')).close()
    for (const each of made)
      assert.equal(Buffer.from(await store.get(each.cid)).toString(), each.bytes.toString())
    assert.deepEqual(await repo.indices(), ['1.2.cix'])
    assert.equal(store.info('a').generation, 2)
  })

  it('is indexed anew, time and again, while many read: no late reader fails it', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open({ readyShardsMax: 1 })
    const made = blocks('a', 1000)
    await store.register(await repo.car('a', made), { key: 'a' })
    for (let generation = 1; generation <= 3; generation++) {
      const [name] = await repo.indices()
      const index = repo.path('repo', 'index', name!)
      await truncate(index, (await stat(index)).size / 2)
      const reading = made.map(async ({ cid }, at) => {
        for (let turn = 0; turn < at % 50; turn++) await new Promise(setImmediate)
        await store.get(cid).catch(() => {})
      })
      await Promise.all(reading)
      await (await store.acquire('a')).close()
      assert.deepEqual(states(store), ['a ShardStateAvailable'])
      assert.ok(store.info('a').generation > generation)
    }
  })
})
