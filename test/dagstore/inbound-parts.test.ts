import assert from 'node:assert/strict'
import { rm, symlink } from 'node:fs/promises'
import { describe, it } from 'node:test'
import type { Block } from '../../src/block.ts'
import type { InboundCar } from '../../src/dagstore/index.ts'
import { block, blocks, collect, filesOpenIn, notLinux, states, TestRepo } from './repo.ts'

const made = blocks('a', 20)
const root = made[0]!.cid

async function append(car: InboundCar, some: readonly Block[]): Promise<void> {
  for (const each of some) await car.append(each)
}

describe('Dagstore.inbound', () => {
  it('answers for a part while it grows, and for the shard that it becomes', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const car = await store.inbound(root)
    await assert.rejects(store.get(root), { code: 'BLOCK_MISSING', reason: 'fetching' })
    for (const { cid, bytes } of made) {
      await car.append({ cid, bytes })
      assert.deepEqual(Buffer.from(await store.get(cid)), bytes)
      assert.equal(await store.size(cid), bytes.length)
    }
    const info = await store.adopt(car, { roots: [root], announce: 'all' })
    assert.deepEqual(
      [info.key, info.owned, info.announce, info.blocks, info.state],
      [root.toString(), true, 'all', 20, 'ShardStateAvailable']
    )
    assert.equal((await repo.names('cars')).filter(name => name.endsWith('.car')).length, 1)
    assert.equal((await repo.names('cars')).length, 1)
    for (const { cid, bytes } of made) assert.deepEqual(Buffer.from(await store.get(cid)), bytes)
    await using accessor = await store.acquire(info.key)
    const order = (await collect(accessor.blocks())).map(({ cid }) => cid.toString())
    assert.deepEqual(
      order,
      made.map(({ cid }) => cid.toString())
    )
  })

  it('gives the same part to who asks for the same root', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const parts = await Promise.all([store.inbound(root), store.inbound(root)])
    assert.equal(parts[0], parts[1])
    assert.equal(await store.inbound(root), parts[0])
    assert.notEqual(await store.inbound(made[1]!.cid), parts[0])
  })

  it('goes on with a suspended part, which answers meanwhile', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const car = await store.inbound(root)
    await append(car, made.slice(0, 10))
    await car.suspend()
    assert.equal(await store.has(made[3]!.cid), true)
    assert.deepEqual(Buffer.from(await store.get(made[3]!.cid)), made[3]!.bytes)
    const again = await store.inbound(root)
    assert.equal(again.blocks, 10)
    await append(again, made)
    assert.equal((await store.adopt(again, { roots: [root] })).blocks, 20)
  })

  it('forgets a part that was discarded', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const car = await store.inbound(root)
    await append(car, made)
    await car.discard()
    await assert.rejects(store.get(made[3]!.cid), { code: 'BLOCK_MISSING' })
    assert.equal((await store.inbound(root)).blocks, 0)
  })

  it('takes up after a restart the parts that were open', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await append(await store.inbound(root), made.slice(0, 10))
    const again = await repo.open()
    assert.deepEqual(Buffer.from(await again.get(made[9]!.cid)), made[9]!.bytes)
    const car = await again.inbound(root)
    assert.deepEqual([car.blocks, car.resumed.blocks], [10, 10])
    await append(car, made)
    const { key } = await again.adopt(car, { roots: [root] })
    assert.deepEqual(states(await repo.open()), [`${key} ShardStateAvailable`])
  })

  it('gives a received CAR a key of its own where its root has one already', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await store.register(await repo.car('partial.car', made.slice(0, 2)))
    const car = await store.inbound(root)
    await append(car, made)
    const { key } = await store.adopt(car, { roots: [root] })
    assert.match(key, new RegExp(`^${root}#`))
    await store.destroy(key)
    assert.deepEqual(await repo.names('cars'), [])
    assert.equal(await store.has(made[1]!.cid), true)
    assert.equal(await store.has(made[5]!.cid), false)
  })

  it('receives anew what was destroyed', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    for (let turn = 1; turn <= 2; turn++) {
      const car = await store.inbound(root)
      assert.equal(car.blocks, 0)
      await append(car, made)
      const { key, generation } = await store.adopt(car, { roots: [root] })
      assert.equal(generation, turn)
      await store.destroy(key)
    }
  })

  it('opens a part again only when its suspension is over', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open({ inbound: { writeBytes: 512, unwrittenBytesMax: 2 ** 24 } })
    const large = made.map((_, at) => block(`${at}`.repeat(20_000)))
    const car = await store.inbound(root)
    await append(car, large)
    const suspending = car.suspend()
    assert.deepEqual(Buffer.from(await store.get(large[19]!.cid)), large[19]!.bytes)
    await suspending
    const { blocks: kept, cutBytes } = (await store.inbound(root)).resumed
    assert.deepEqual([kept, cutBytes], [20, 0])
  })

  it('opens a suspended part once, however many read from it', { skip: notLinux }, async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const car = await store.inbound(root)
    await append(car, made)
    await car.suspend()
    const before = filesOpenIn(repo.path('repo', 'cars'))
    const read = await Promise.all(made.map(async ({ cid }) => store.get(cid)))
    assert.deepEqual(
      read.map(bytes => Buffer.from(bytes)),
      made.map(({ bytes }) => bytes)
    )
    assert.deepEqual([before, filesOpenIn(repo.path('repo', 'cars'))], [0, 2])
  })

  it('goes on with a part of which an fsync failed', { skip: notLinux }, async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const first = await store.inbound(root)
    await append(first, made.slice(0, 10))
    await first.suspend()
    // fsync of /dev/null fails.
    const journal = `${first.path}.idx`
    await rm(journal)
    await symlink('/dev/null', journal)
    const poisoned = await store.inbound(root)
    await append(poisoned, made.slice(10, 15))
    await assert.rejects(poisoned.flush(), { code: 'WRITER_POISONED' })
    await rm(journal)
    const car = await store.inbound(root)
    assert.notEqual(car, poisoned)
    assert.deepEqual([car.blocks, car.state], [15, 'open'])
    await append(car, made)
    assert.equal((await store.adopt(car, { roots: [root] })).blocks, 20)
  })

  it(
    'holds as many idle parts as it may, and finds the others by root',
    { skip: notLinux },
    async () => {
      await using repo = await TestRepo.create()
      const config = { idlePartsMax: 2 }
      const store = await repo.open(config)
      for (const { cid, bytes } of made.slice(0, 3)) {
        const car = await store.inbound(cid)
        await car.append({ cid, bytes })
      }
      const again = await repo.open(config)
      const inCars = (): number => filesOpenIn(repo.path('repo', 'cars'))
      const answering = async (): Promise<number> => {
        const answers = await Promise.all(made.slice(0, 3).map(async ({ cid }) => again.has(cid)))
        return answers.filter(Boolean).length
      }
      assert.deepEqual([inCars(), await answering()], [4, 2])
      const cars = await Promise.all(made.slice(0, 3).map(async ({ cid }) => again.inbound(cid)))
      assert.deepEqual(
        cars.map(car => car.blocks),
        [1, 1, 1]
      )
      assert.equal(await answering(), 3)
      for (const car of cars) await car.suspend()
      await (await again.inbound(made[3]!.cid)).discard()
      assert.deepEqual([inCars(), await answering()], [0, 2])
      assert.equal((await again.inbound(made[0]!.cid)).blocks, 1)
    }
  )

  it('keeps the part when it cannot be sealed', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const car = await store.inbound(root)
    await append(car, made)
    const roots = Array.from({ length: 200 }, (_, at) => block(`root ${at}`).cid)
    await assert.rejects(store.adopt(car, { roots }), { code: 'CAR_LIMIT' })
    assert.equal(await store.inbound(root), car)
    await store.adopt(car, { roots: [root] })
  })
})
