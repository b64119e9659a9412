import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { LevelDatastore } from 'datastore-level'
import { Key } from 'interface-datastore'
import { ProviderRecords } from '../../src/discovery/provider-records.ts'

const bounds = { prefix: '/dht-lan', self: 'us', recordsMax: 3 }
const signal = AbortSignal.timeout(20_000)

describe('provider records', () => {
  it('are removed when they are past their age, and no other key is', async () => {
    await withLevel(async level => {
      const now = Date.now()
      await level.put(new Key('/dht-lan/provider/a/old'), varint(now - 2_000))
      await level.put(new Key('/dht-lan/provider/a/new'), varint(now))
      await level.put(new Key('/dht-wan/provider/a/old'), varint(now - 2_000))
      const records = new ProviderRecords(level, bounds)
      assert.equal(await records.removeOld({ maxAgeMs: 1_000, signal }), 1)
      const left = await Array.fromAsync(level.queryKeys({}), String)
      assert.deepEqual(left.sort(), ['/dht-lan/provider/a/new', '/dht-wan/provider/a/old'])
    })
  })

  it('of others are taken up to the bound, and not one more', async () => {
    await withLevel(async level => {
      const { datastore } = new ProviderRecords(level, bounds)
      for (const name of ['a/p', 'a/q', 'b/p']) await datastore.put(keyOf(name), varint(1))
      await assert.rejects(async () => datastore.put(keyOf('c/p'), varint(1)), {
        code: 'LIMIT_EXCEEDED'
      })
      assert.equal(await level.has(keyOf('c/p')), false)
    })
  })

  it('at the bound are renewed, and ours and other keys are written', async () => {
    await withLevel(async level => {
      const { datastore } = new ProviderRecords(level, { ...bounds, recordsMax: 1 })
      await datastore.put(keyOf('a/p'), varint(1))
      await datastore.put(keyOf('a/p'), varint(2))
      await datastore.put(keyOf('b/us'), varint(3))
      await datastore.put(new Key('/peers/p'), varint(4))
      assert.deepEqual(Buffer.from(await datastore.get(keyOf('a/p'))), Buffer.from(varint(2)))
      assert.equal((await Array.fromAsync(datastore.queryKeys({}))).length, 3)
    })
  })

  it('that were there before count, and those that ran out make room', async () => {
    await withLevel(async level => {
      const now = Date.now()
      for (const name of ['a/p', 'a/q']) await level.put(keyOf(name), varint(now - 2_000))
      await level.put(keyOf('b/p'), varint(now))
      const records = new ProviderRecords(level, bounds)
      await records.removeOld({ maxAgeMs: 10_000, signal })
      await assert.rejects(async () => records.datastore.put(keyOf('c/p'), varint(now)))
      await records.removeOld({ maxAgeMs: 1_000, signal })
      await records.datastore.put(keyOf('c/p'), varint(now))
    })
  })
})

function keyOf(name: string): Key {
  return new Key(`/dht-lan/provider/${name}`)
}

async function withLevel(body: (level: LevelDatastore) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cardock-records-'))
  const level = new LevelDatastore(folder)
  try {
    await level.open()
    await body(level)
  } finally {
    await level.close()
    await rm(folder, { recursive: true })
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Uint8Array.from([...bytes, left])
    bytes.push((left % 128) | 128)
  }
}
