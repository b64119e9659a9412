import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Catalogue } from '../../src/dagstore/catalogue/catalogue.ts'
import { versionOf } from '../../src/dagstore/catalogue/operations.ts'
import { ShardTable } from '../../src/dagstore/shard-table.ts'

describe('ShardTable', () => {
  let dir = ''
  let catalogue: Catalogue
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-table-'))
    catalogue = await Catalogue.open(join(dir, 'catalogue.db'))
    const hash = new Uint8Array(32)
    const facts = { size: 1, mtimeNs: 1n, inode: 1n, headHash: hash, tailHash: hash }
    for (const key of ['a', 'b', 'c', 'd']) {
      const of = { key, mount: `file:///${key}`, roots: '[]', facts }
      const how = { owned: false, lazy: false, announce: 'roots' } as const
      await catalogue.write('register', { ...of, ...how })
      const version = versionOf(catalogue.shard(key)!)
      await catalogue.write('index', { ...version, facts, roots: '[]', blocks: 1, bytes: 1 })
    }
  })
  after(async () => {
    await catalogue.close()
    await rm(dir, { recursive: true })
  })

  it('gives one object for a key while somebody holds it, past those it keeps ready', () => {
    const shards = new ShardTable(catalogue, { readyMax: 1 })
    const held = shards.get('a')
    assert.ok(held.apply('acquire'))
    for (const key of ['b', 'c', 'd']) shards.get(key)
    assert.equal(shards.get('a'), held)
    assert.deepEqual(
      [...shards.active()].map(({ key }) => key),
      ['a']
    )
  })

  it('finds a shard by its present seq alone', () => {
    const shards = new ShardTable(catalogue, { readyMax: 2 })
    const { seq } = shards.get('b').record
    assert.equal(shards.findBySeq(seq!)?.key, 'b')
    assert.equal(shards.findBySeq(99), undefined)
  })

  it('finds a shard by its new seq, and no more by the old one, when it was indexed anew', async () => {
    const shards = new ShardTable(catalogue, { readyMax: 2 })
    const shard = shards.get('a')
    const { seq, facts, roots } = shard.record
    assert.equal(shards.findBySeq(seq!), shard)
    const contents = { facts, roots: JSON.stringify(roots), blocks: 1, bytes: 1 }
    const fresh = await catalogue.write('index', { ...versionOf(shard.record), ...contents })
    shards.refresh(shard)
    assert.equal(shards.findBySeq(seq!), undefined)
    assert.equal(shards.findBySeq(fresh!), shard)
  })

  it('knows neither what was never there nor what is destroyed', () => {
    const shards = new ShardTable(catalogue, { readyMax: 2 })
    assert.throws(() => shards.get('none'), { code: 'SHARD_UNKNOWN' })
    const gone = shards.get('c')
    assert.ok(gone.apply('destroy'))
    assert.equal(shards.find('c'), undefined)
    shards.forget(gone)
    assert.notEqual(shards.find('c'), gone)
  })

  it('leaves the state as it is for an event that has no place in it', () => {
    const shard = new ShardTable(catalogue, { readyMax: 2 }).get('d')
    const { state } = shard
    assert.equal(shard.apply('release'), false)
    assert.equal(shard.state, state)
  })
})
