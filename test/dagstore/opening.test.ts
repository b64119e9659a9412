import assert from 'node:assert/strict'
import { copyFile, mkdir, rm, rmdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { describe, it } from 'node:test'
import type { Dagstore } from '../../src/dagstore/index.ts'
import { blocks, states, TestRepo, until } from './repo.ts'

/** Writes into the catalogue of a store that is closed, as a process that ended early left it. */
function inCatalogue(repo: TestRepo, sql: string, ...values: (string | number)[]): void {
  const db = new DatabaseSync(repo.path('repo', 'datastore', 'catalogue.db'))
  db.prepare(sql).run(...values)
  db.close()
}

async function readsAll(store: Dagstore, name: string, count: number): Promise<void> {
  for (const { cid, bytes } of blocks(name, count)) {
    assert.deepEqual(Buffer.from(await store.get(cid)), bytes)
  }
}

async function available(store: Dagstore, count: number): Promise<void> {
  await until(() => store.counts().ShardStateAvailable === count)
}

describe('Dagstore.open', () => {
  it('heals a registration that was not followed by an index', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await store.register(await repo.car('a', blocks('a', 9)), { key: 'a', lazy: true })
    await store.close()
    inCatalogue(repo, 'UPDATE shards SET lazy = 0')
    const again = await repo.open()
    await available(again, 1)
    await readsAll(again, 'a', 9)
  })

  it('heals an index that the catalogue does not list, and what is left of one that was being written', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await store.register(await repo.car('a', blocks('a', 9)), { key: 'a' })
    await store.close()
    const index = (name: string): string => repo.path('repo', 'index', name)
    await copyFile(index('1.1.cix'), index('1.2.cix'))
    await copyFile(index('1.1.cix'), index('7.1.cix'))
    await writeFile(index('1.1.cix.0123456789ab.tmp'), 'half')
    await repo.open()
    assert.deepEqual(await repo.indices(), ['1.1.cix'])
    assert.deepEqual(await repo.names('index'), ['1.1.cix', 'lookup'])
  })

  it('heals an index that is not there, cut or of another file', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    for (const key of ['a', 'b', 'c', 'd']) {
      await store.register(await repo.car(key, blocks(key, 9)), { key })
    }
    await store.close()
    const index = (id: number): string => repo.path('repo', 'index', `${id}.1.cix`)
    await rm(index(1))
    await truncate(index(2), 100)
    await truncate(index(3), 0)
    const again = await repo.open()
    await available(again, 4)
    for (const key of ['a', 'b', 'c', 'd']) await readsAll(again, key, 9)
    assert.deepEqual(await repo.indices(), ['1.2.cix', '2.2.cix', '3.2.cix', '4.1.cix'])
  })

  it('heals a CAR that was sealed and has no shard yet', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = blocks('a', 9)
    const car = await store.inbound(made[0]!.cid)
    for (const each of made) await car.append(each)
    const { key } = await store.adopt(car, { roots: [made[0]!.cid] })
    await store.close()
    inCatalogue(repo, 'DELETE FROM shards')
    await writeFile(repo.path('repo', 'cars', 'not-a-car.car'), 'text')
    const again = await repo.open()
    await available(again, 1)
    await readsAll(again, 'a', 9)
    assert.equal(again.info(key).owned, true)
    assert.equal((await repo.names('cars')).length, 2)
  })

  it('heals the CAR of a destroyed shard that was not deleted yet', async () => {
    await using repo = await TestRepo.create()
    await (await repo.open()).close()
    const path = repo.path('repo', 'cars', 'left over.car')
    await copyFile(await repo.car('a', blocks('a', 9)), path)
    inCatalogue(repo, 'INSERT INTO doomed VALUES (?)', pathToFileURL(path).href)
    const again = await repo.open()
    assert.deepEqual([again.list().total, await repo.names('cars')], [0, []])
  })

  it('opens though the CAR of a destroyed shard cannot be deleted, and makes no shard of it', async () => {
    await using repo = await TestRepo.create()
    await (await repo.open()).close()
    const path = repo.path('repo', 'cars', 'held.car')
    await mkdir(path) // rm without recursive refuses it, as a system may refuse a file in use
    const { href } = pathToFileURL(path)
    inCatalogue(repo, 'INSERT INTO doomed VALUES (?)', href)
    const store = await repo.open()
    assert.equal(store.list().total, 0)
    assert.ok(repo.lines.some(line => line.startsWith('the CAR of a destroyed shard cannot')))

    await rmdir(path)
    await copyFile(await repo.car('a', blocks('a', 9)), path)
    await store.register(path, { key: 'again' })
    const again = await repo.open()
    assert.deepEqual(
      [states(again), await repo.names('cars')],
      [['again ShardStateAvailable'], ['held.car']]
    )
  })

  it('heals a lookup whose runs are damaged, gone or not up to date', async () => {
    await using repo = await TestRepo.create()
    const config = { lookup: { tableKeysMax: 10 } }
    const store = await repo.open(config)
    const keys: string[] = []
    while ((await repo.names('index', 'lookup')).length < 2) {
      const key = `shard ${keys.length}`
      keys.push(key)
      await store.register(await repo.car(key, blocks(key, 9)), { key })
    }
    await store.close()
    const runs = (await repo.names('index', 'lookup')).map(name => join('index', 'lookup', name))
    await truncate(repo.path('repo', runs[0]!), 70)
    await rm(repo.path('repo', runs[1]!))
    const again = await repo.open(config)
    for (const key of keys) {
      const found = await again.whoHas(blocks(key, 9).map(({ cid }) => cid))
      assert.ok(
        found.every(each => each.join() === key),
        key
      )
    }
  })

  it('does without reading every index again, once there are many that no run has', async () => {
    await using repo = await TestRepo.create()
    const config = { reloadShardsMax: 8 }
    const store = await repo.open(config)
    await store.register(await repo.car('first', blocks('first', 9)))
    await store.close()
    assert.deepEqual(await repo.names('index', 'lookup'), [])
    const again = await repo.open(config)
    await again.register(await repo.car('second', blocks('second', 9)))
    await again.close()
    assert.equal((await repo.names('index', 'lookup')).length, 1)
    await readsAll(await repo.open(config), 'first', 9)
  })
})
