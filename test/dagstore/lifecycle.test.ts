import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CarReader } from '@ipld/car'
import type { ShardAccessor } from '../../src/dagstore/index.ts'
import { blocks, collect, TestRepo, states } from './repo.ts'

describe('Dagstore lifecycle', () => {
  it('T-1 refuses to destroy a shard with references and destroys another', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    for (const key of ['a', 'b']) await store.register(await repo.car(key, blocks(key, 3)), { key })
    const accessor = await store.acquire('a')
    await assert.rejects(store.destroy('a'), {
      code: 'SHARD_IN_USE',
      message: /1 active references/
    })
    await store.destroy('b')
    assert.deepEqual(states(store), ['a ShardStateServing'])
    await accessor.close()
    await store.destroy('a')
    assert.equal(store.list().total, 0)
  })

  it('T-2 knows after a restart exactly the shards that were not destroyed', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const keys = Array.from({ length: 100 }, (_, at) => `shard ${at}`)
    await Promise.all(
      keys.map(async key => store.register(await repo.car(key, blocks(key, 2)), { key }))
    )
    for (const key of keys.slice(0, 20)) await store.destroy(key)
    const again = await repo.open()
    const known = again.list().shards.map(shard => shard.key)
    assert.deepEqual(known, keys.slice(20).toSorted())
    assert.equal((await repo.indices()).length, 80)
  })

  it('T-4 serves an acquire after a registration whose result nobody looked at', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = blocks('a', 3)
    await store.register(await repo.car('a', made), { key: 'a' })
    await using accessor = await store.acquire('a')
    assert.deepEqual(Buffer.from(await accessor.get(made[1]!.cid)), made[1]!.bytes)
  })

  const fixtures = join(import.meta.dirname, '../../../shared/fixtures/go-car')
  for (const name of ['sample-v1.car', 'sample-wrapped-v2.car']) {
    const path = join(fixtures, name)
    const skip = existsSync(path) ? false : `${path} is not here`
    it(
      `T-5 lists roots and blocks of ${name} and finds each by its shard alone`,
      { skip },
      async () => {
        await using repo = await TestRepo.create()
        const store = await repo.open()
        await store.register(await repo.car('other', blocks('other', 5)), { key: 'other' })
        const { key, roots, blocks: count } = await store.register(path, { key: name })
        const expected = await CarReader.fromBytes(await readFile(path))
        const names = (from: Iterable<{ cid: unknown }>): string[] =>
          Array.from(from, ({ cid }) => String(cid))
        assert.deepEqual(roots.map(String), (await expected.getRoots()).map(String))
        await using accessor = await store.acquire(key)
        assert.deepEqual(accessor.roots.join(), roots.join())
        const all = await collect(accessor.blocks())
        assert.deepEqual(names(all), names(await collect(expected.blocks())))
        const hashed = all.filter(({ cid }) => cid.multihash.code !== 0)
        const unique = new Set(
          hashed.map(({ cid }) => Buffer.from(cid.multihash.bytes).toString('hex'))
        )
        assert.equal(unique.size, count)
        const found = await store.whoHas(hashed.map(({ cid }) => cid))
        assert.ok(found.every(keys => keys.join() === key))
      }
    )
  }

  it('T-6 registers 1, 2, 4 to 32 shards at a time', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    for (const count of [1, 2, 4, 8, 16, 32]) {
      const keys = Array.from({ length: count }, (_, at) => `shard ${at} of ${count}`)
      const paths = await Promise.all(keys.map(async key => repo.car(key, blocks(key, 3))))
      await Promise.all(paths.map(async (path, at) => store.register(path, { key: keys[at] })))
      assert.equal(store.list({ text: `of ${count}`, state: 'ShardStateAvailable' }).total, count)
    }
  })

  it('T-7 refuses to acquire an unknown key', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await assert.rejects(store.acquire('none'), { code: 'SHARD_UNKNOWN' })
  })

  it('T-8 serves an acquire that came while the registration was under way', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = blocks('a', 3)
    const path = await repo.car('a', made)
    await store.register(path, { key: 'a', lazy: true })
    const [, accessor] = await Promise.all([store.register(path), store.acquire('a')])
    assert.equal(await accessor.has(made[2]!.cid), true)
    assert.equal(repo.indexed('a'), 1)
    await accessor.close()
  })

  it('T-9 gives one shard to 1, 2, 4 to 256 at a time and takes it back', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await store.register(await repo.car('a', blocks('a', 3)), { key: 'a' })
    for (let count = 1; count <= 256; count *= 2) {
      const accessors = await acquireMany(async () => store.acquire('a'), count)
      assert.equal(store.info('a').leases, count)
      assert.equal(store.info('a').state, 'ShardStateServing')
      await Promise.all(accessors.map(async accessor => accessor.close()))
      assert.equal(store.info('a').leases, 0)
      assert.equal(store.info('a').state, 'ShardStateAvailable')
    }
  })

  it('T-10 leaves a lazy shard alone until it is acquired, and then indexes it once', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('a', blocks('a', 3))
    assert.equal((await store.register(path, { key: 'a', lazy: true })).state, 'ShardStateNew')
    assert.deepEqual([repo.indexed('a'), await repo.indices()], [0, []])
    const accessors = await acquireMany(async () => store.acquire('a'), 16)
    assert.equal(new Set(accessors).size, 16)
    assert.equal(repo.indexed('a'), 1)
    await Promise.all(accessors.map(async accessor => accessor.close()))
  })

  it('T-10 leaves a lazy shard alone over a restart', async () => {
    await using repo = await TestRepo.create()
    const path = await repo.car('a', blocks('a', 3))
    await (await repo.open()).register(path, { key: 'a', lazy: true })
    const again = await repo.open()
    assert.deepEqual(states(again), ['a ShardStateNew'])
    await (await again.acquire('a')).close()
    assert.deepEqual(states(again), ['a ShardStateAvailable'])
  })

  it('T-20 has all shards available after a restart, those too that were serving', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const keys = Array.from({ length: 100 }, (_, at) => `shard ${at}`)
    const paths = await Promise.all(keys.map(async key => repo.car(key, blocks(key, 2))))
    await Promise.all(paths.map(async (path, at) => store.register(path, { key: keys[at] })))
    await Promise.all(keys.slice(0, 20).map(async key => store.acquire(key)))
    assert.equal(store.counts().ShardStateServing, 20)
    const indices = await repo.indices()

    const again = await repo.open()
    assert.equal(again.counts().ShardStateAvailable, 100)
    assert.ok(again.list().shards.every(shard => shard.leases === 0))
    assert.deepEqual(await repo.indices(), indices)
    const existing = await again.register(paths[5]!, { key: keys[5] })
    assert.equal(existing.id, again.info(keys[5]!).id)
    await assert.rejects(again.register(paths[5]!, { key: keys[6] }), { code: 'SHARD_EXISTS' })
    assert.ok(keys.every(key => repo.indexed(key) === 1))
    const found = await again.whoHas(keys.map(key => blocks(key, 1)[0]!.cid))
    assert.deepEqual(
      found.map(each => each.join()),
      keys
    )
  })

  it('T-117 takes a second close of an accessor for nothing', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const [first] = blocks('a', 3)
    await store.register(await repo.car('a', blocks('a', 3)), { key: 'a' })
    const [one, other] = [await store.acquire('a'), await store.acquire('a')]
    await one.close()
    await one.close()
    assert.equal(store.info('a').leases, 1)
    await assert.rejects(one.get(first!.cid), { code: 'CLOSED' })
    assert.equal(await other.has(first!.cid), true)
    await other.close()
  })
})

async function acquireMany(
  acquire: () => Promise<ShardAccessor>,
  count: number
): Promise<ShardAccessor[]> {
  return Promise.all(Array.from({ length: count }, acquire))
}
