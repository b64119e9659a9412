import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Catalogue } from '../../../src/dagstore/catalogue/catalogue.ts'
import type { PageQuery } from '../../../src/dagstore/catalogue/catalogue.ts'
import { versionOf } from '../../../src/dagstore/catalogue/operations.ts'
import type { Registration } from '../../../src/dagstore/catalogue/operations.ts'
import type { ShardRecord } from '../../../src/dagstore/catalogue/records.ts'

const facts = {
  size: 2 ** 40,
  mtimeNs: 1_795_269_000_123_456_789n,
  inode: -2n,
  headHash: new Uint8Array([1]),
  tailHash: new Uint8Array([2])
}
const root = 'bafybeihsjrnp4r2zzjwffsdi7nu3dka4xkfsjdwdr57wduuyulswrtsloa'

function registration(key: string, more: Partial<Registration> = {}): Registration {
  const mount = `file:///cars/${key}.car`
  const roots = JSON.stringify([root])
  return { key, mount, owned: false, lazy: false, announce: 'roots', facts, roots, ...more }
}

const indexed = { facts, roots: '[]', blocks: 7, bytes: 700 }
const everything: PageQuery = {
  state: undefined,
  text: undefined,
  after: '',
  limit: 1000,
  active: new Map()
}

describe('Catalogue', () => {
  let dir = ''
  let catalogue: Catalogue
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-catalogue-'))
    catalogue = await Catalogue.open(join(dir, 'catalogue.db'))
  })
  afterEach(async () => {
    await catalogue.close()
    await rm(dir, { recursive: true })
  })

  async function register(key: string, more: Partial<Registration> = {}): Promise<ShardRecord> {
    assert.equal(await catalogue.write('register', registration(key, more)), true)
    return record(key)
  }

  function record(key: string): ShardRecord {
    const found = catalogue.shard(key)
    assert.ok(found !== undefined, `${key} is not there`)
    return found
  }

  async function reopen(): Promise<void> {
    await catalogue.close()
    catalogue = await Catalogue.open(join(dir, 'catalogue.db'))
  }

  it('gives back what was registered, also after a restart', async () => {
    const before = await register('a', { owned: true, announce: 'all' })
    assert.equal(before.roots.join(), root)
    assert.deepEqual(before.facts.mtimeNs, facts.mtimeNs)
    assert.deepEqual(before.facts.inode, facts.inode)
    assert.equal(before.generation, 1)
    assert.equal(before.seq, undefined)
    await reopen()
    assert.deepEqual(record('a'), before)
    assert.deepEqual(catalogue.shardByMount('file:///cars/a.car'), before)
  })

  it('refuses a key twice and leaves the first as it was', async () => {
    const first = await register('a')
    const again = registration('a', { mount: 'file:///other.car' })
    assert.equal(await catalogue.write('register', again), false)
    assert.deepEqual(record('a'), first)
  })

  it('never gives a seq twice', async () => {
    const [a, b] = [await register('a'), await register('b')]
    assert.equal(await catalogue.write('index', { ...versionOf(a), ...indexed }), 1)
    assert.equal(await catalogue.write('index', { ...versionOf(b), ...indexed }), 2)
    await catalogue.write('destroy', versionOf(b))
    await reopen()
    assert.equal(await catalogue.write('index', { ...versionOf(a), ...indexed }), 3)
    assert.equal(catalogue.shardById(a.id)?.seq, 3)
    assert.deepEqual(
      [1, 2, 3].map(seq => catalogue.keyOfSeq(seq)),
      [undefined, undefined, 'a']
    )
  })

  it('drops work that was done for an older generation', async () => {
    const old = await register('a')
    await catalogue.write('destroy', versionOf(old))
    const fresh = await register('a')
    assert.equal(fresh.generation, 2)
    assert.notEqual(fresh.id, old.id)
    assert.equal(await catalogue.write('index', { ...versionOf(old), ...indexed }), undefined)
    const mark = { health: 'failed', code: 'CAR_INVALID', message: 'late' } as const
    assert.equal(await catalogue.write('mark', { ...versionOf(old), ...mark }), false)
    assert.equal(await catalogue.write('destroy', versionOf(old)), false)
    assert.deepEqual(record('a'), fresh)
  })

  it('moves to the next generation to be indexed anew', async () => {
    const first = await register('a')
    await catalogue.write('index', { ...versionOf(first), ...indexed })
    await catalogue.write('reindex', { ...versionOf(first), facts })
    const next = record('a')
    assert.deepEqual([next.id, next.generation, next.seq], [first.id, 2, undefined])
    assert.deepEqual([...catalogue.indexVersions()], [])
  })

  it('keeps why a shard failed until it is well', async () => {
    const shard = await register('a')
    await catalogue.write('mark', {
      ...versionOf(shard),
      health: 'failed',
      code: 'CAR_INVALID',
      message: 'x'
    })
    assert.deepEqual(record('a').error, { code: 'CAR_INVALID', message: 'x' })
    await reopen()
    assert.equal(record('a').health, 'failed')
    await catalogue.write('restore', { ...versionOf(shard), facts })
    assert.deepEqual([record('a').health, record('a').error], ['ok', undefined])
  })

  it('remembers the owned CARs of destroyed shards until they are buried', async () => {
    const [own, foreign] = [await register('own', { owned: true }), await register('foreign')]
    await catalogue.write('destroy', versionOf(own))
    await catalogue.write('destroy', versionOf(foreign))
    await reopen()
    assert.deepEqual(catalogue.doomedCars(), ['file:///cars/own.car'])
    await catalogue.write('bury', { car: 'file:///cars/own.car' })
    assert.deepEqual(catalogue.doomedCars(), [])
  })

  it('gives an error to the operation that made it, not to its batch', async () => {
    const float = { ...facts, size: 1.5 }
    const results = await Promise.allSettled([
      catalogue.write('register', registration('a')),
      catalogue.write('register', registration('b', { facts: float })),
      catalogue.write('register', registration('c'))
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled']
    )
    const [, failed] = results
    assert.ok(failed?.status === 'rejected')
    assert.equal((failed.reason as { code: string }).code, 'CATALOGUE_FAILED')
    assert.equal(catalogue.count(everything), 2)
  })

  it('writes what was asked before it closes', async () => {
    const writes = Array.from({ length: 5000 }, async (_, at) =>
      catalogue.write('register', registration(`shard ${at}`))
    )
    await reopen()
    assert.deepEqual([...new Set(await Promise.all(writes))], [true])
    assert.equal(catalogue.count(everything), 5000)
    await catalogue.close()
    await assert.rejects(catalogue.write('note', { name: 'n', bytes: new Uint8Array() }), {
      code: 'CLOSED'
    })
    catalogue = await Catalogue.open(join(dir, 'catalogue.db'))
  })

  it('pages, filters and counts', async () => {
    for (const key of ['a', 'b', 'c', 'd', 'e']) await register(key)
    await catalogue.write('index', { ...versionOf(record('b')), ...indexed })
    const mark = { health: 'failed', code: 'CAR_INVALID', message: '' } as const
    await catalogue.write('mark', { ...versionOf(record('c')), ...mark })
    const active = new Map([[record('d').id, 'ShardStateInitializing' as const]])

    const keys = (query: Partial<PageQuery>): string =>
      catalogue
        .page({ ...everything, active, ...query })
        .map(({ key }) => key)
        .join('')
    assert.equal(keys({ limit: 2 }), 'ab')
    assert.equal(keys({ limit: 2, after: 'b' }), 'cd')
    assert.equal(keys({ state: 'ShardStateNew' }), 'ae')
    assert.equal(keys({ state: 'ShardStateErrored' }), 'c')
    assert.equal(keys({ state: 'ShardStateInitializing' }), 'd')
    assert.equal(keys({ text: '/e.car' }), 'e')
    assert.equal(keys({ text: '%' }), '')
    assert.equal(catalogue.count({ ...everything, active, state: 'ShardStateNew' }), 2)
    assert.deepEqual(
      catalogue.countsByState(),
      new Map([
        ['ShardStateAvailable', 1],
        ['ShardStateErrored', 1],
        ['ShardStateNew', 3]
      ])
    )
  })

  it('lists what waits to be indexed: not the lazy, the indexed, the failed', async () => {
    for (const key of ['a', 'b', 'c']) await register(key)
    await register('lazy', { lazy: true })
    await catalogue.write('index', { ...versionOf(record('a')), ...indexed })
    assert.deepEqual(
      catalogue.waiting(0, 10).map(({ key }) => key),
      ['b', 'c']
    )
    assert.deepEqual(
      catalogue.waiting(record('b').id, 10).map(({ key }) => key),
      ['c']
    )
  })

  it('swaps the runs of the lookup and its watermark in one step', async () => {
    const { secret, watermark } = catalogue.lookupFacts()
    assert.equal(secret.length, 16)
    assert.equal(watermark, 0)
    const run = { name: '1.run', lo: 1, hi: 4, keys: 100 }
    await catalogue.write('spill', { runs: [run], watermark: 4 })
    await catalogue.write('spill', { runs: [run, { ...run, name: '2.run' }], watermark: 9 })
    await reopen()
    assert.deepEqual(
      catalogue.runs().map(({ name }) => name),
      ['1.run', '2.run']
    )
    assert.deepEqual(catalogue.lookupFacts(), { secret, watermark: 9 })
  })

  it('keeps notes', async () => {
    assert.equal(catalogue.note('cursor'), undefined)
    await catalogue.write('note', { name: 'cursor', bytes: new Uint8Array([1]) })
    await catalogue.write('note', { name: 'cursor', bytes: new Uint8Array([2]) })
    await reopen()
    assert.deepEqual(catalogue.note('cursor'), new Uint8Array([2]))
  })

  it('refuses a catalogue of a newer version and names it', async () => {
    const path = join(dir, 'newer.db')
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 99')
    db.close()
    await assert.rejects(Catalogue.open(path), {
      code: 'CATALOGUE_FAILED',
      message: /has version 99/
    })
  })
})
