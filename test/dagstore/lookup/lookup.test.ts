import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createHash } from 'node:crypto'
import { fingerprinter } from '../../../src/dagstore/lookup/fingerprint.ts'
import {
  fingerprintsOf,
  Lookup,
  type LookupConfig,
  type RunRecord
} from '../../../src/dagstore/lookup/lookup.ts'
import { indexOf, openIndex } from '../cix/memory-index.ts'
import { carV1, identityBlock, rawBlock } from '../car/sample-cars.ts'

const secret = Buffer.alloc(16, 5)
const fingerprint = fingerprinter(secret)

interface Key {
  readonly code: number
  readonly digest: Uint8Array
}

/** Multihashes `from` to `to - 1`. */
function keys(from: number, to: number): Key[] {
  return Array.from({ length: to - from }, (_, at) => ({
    code: 0x12,
    digest: createHash('sha256')
      .update(String(from + at))
      .digest()
  }))
}

function fingerprints(list: readonly Key[]): Float64Array {
  return Float64Array.from(list, ({ code, digest }) => fingerprint(code, digest, 0, digest.length))
}

describe('Lookup', () => {
  let parent: string
  let dir: string

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'cardock-lookup-'))
  })
  beforeEach(async () => {
    dir = await mkdtemp(join(parent, 'lookup-'))
  })
  after(async () => rm(parent, { recursive: true }))

  async function open(
    runs: readonly RunRecord[] = [],
    {
      isLive = () => true,
      watermark = Math.max(0, ...runs.map(({ hi }) => hi)),
      config = { tableKeysMax: 100, shardKeysMax: 100 }
    }: { isLive?: (seq: number) => boolean; watermark?: number; config?: LookupConfig } = {}
  ): Promise<Lookup> {
    return Lookup.open({ dir, secret, runs, watermark, isLive, config })
  }

  it('does not take seqs between the watermark and the end of a run for added', async () => {
    const first = await open()
    await first.add(5, fingerprints(keys(0, 10)))
    const { runs } = await first.spill()
    const again = await open(runs, { watermark: 2 })
    await again.add(3, fingerprints(keys(20, 30)))
    assert.equal((await again.spill()).watermark, 3)
  })

  it('names the shards that may hold a multihash, newest first', async () => {
    const lookup = await open()
    await lookup.add(1, fingerprints(keys(0, 10)))
    await lookup.add(2, fingerprints(keys(5, 15)))
    await lookup.add(3, fingerprints(keys(9, 10)))
    assert.deepEqual(lookup.candidates(keys(0, 1)[0]!), [1])
    assert.deepEqual(lookup.candidates(keys(5, 6)[0]!), [2, 1])
    assert.deepEqual(lookup.candidates(keys(9, 10)[0]!), [3, 2, 1])
    assert.deepEqual(lookup.candidates(keys(99, 100)[0]!), [])
  })

  it('names none for an identity multihash', async () => {
    const lookup = await open()
    const key = { code: 0, digest: Buffer.from('me') }
    await lookup.add(1, fingerprints([key]))
    assert.deepEqual(lookup.candidates(key), [])
  })

  it('is full at tableKeysMax, not one before', async () => {
    const lookup = await open()
    await lookup.add(1, fingerprints(keys(0, 99)))
    assert.equal(lookup.full, false)
    await lookup.add(2, fingerprints(keys(99, 100)))
    assert.equal(lookup.full, true)
    await lookup.spill()
    assert.equal(lookup.full, false)
  })

  it('answers the same from the table, while spilling, from runs and after opening again', async () => {
    const lookup = await open()
    const check = (each: Lookup): void => {
      for (const [at, key] of keys(0, 60).entries()) {
        assert.deepEqual(each.candidates(key), at < 40 ? (at >= 20 ? [2, 1] : [1]) : [2])
      }
    }
    await lookup.add(1, fingerprints(keys(0, 40)))
    await lookup.add(2, fingerprints(keys(20, 60)))
    check(lookup)
    const spilling = lookup.spill()
    check(lookup)
    const { runs, watermark } = await spilling
    check(lookup)
    assert.equal(watermark, 2)
    assert.deepEqual(
      runs.map(({ lo, hi, keys: count }) => ({ lo, hi, count })),
      [{ lo: 1, hi: 2, count: 80 }]
    )
    assert.deepEqual(
      await readdir(dir),
      runs.map(run => run.name)
    )
    check(await open(runs))
  })

  it('lists all runs at each spill, with the watermark', async () => {
    const lookup = await open()
    await lookup.add(1, fingerprints(keys(0, 5)))
    const first = await lookup.spill()
    await lookup.add(4, fingerprints(keys(5, 10)))
    const second = await lookup.spill()
    assert.deepEqual(second.runs.slice(0, 1), first.runs)
    assert.deepEqual([first.watermark, second.watermark, second.runs.length], [1, 4, 2])
    const again = await open(second.runs)
    assert.deepEqual((await again.spill()).watermark, 4)
    assert.deepEqual((await again.spill()).runs, second.runs)
  })

  it('puts a shard over shardKeysMax into a run of its own', async () => {
    const lookup = await open()
    await lookup.add(1, fingerprints(keys(0, 100)))
    assert.deepEqual(await readdir(dir), [])
    await lookup.add(2, fingerprints(keys(0, 101)))
    assert.equal((await readdir(dir)).length, 1)
    assert.deepEqual(lookup.candidates(keys(100, 101)[0]!), [2])
    assert.deepEqual(lookup.candidates(keys(3, 4)[0]!), [2, 1])
  })

  it('does not let the watermark pass a seq that is still being added', async () => {
    const lookup = await open()
    await lookup.add(1, fingerprints(keys(0, 5)))
    const large = lookup.add(2, fingerprints(keys(0, 101)))
    await lookup.add(3, fingerprints(keys(5, 10)))
    assert.equal((await lookup.spill()).watermark, 1)
    await large
    assert.equal((await lookup.spill()).watermark, 3)
  })

  it('does not name a removed seq, in the table, in a run or after opening again', async () => {
    const lookup = await open()
    const [key] = keys(0, 1)
    for (const seq of [1, 2, 3]) await lookup.add(seq, fingerprints(keys(0, 1)))
    lookup.remove(2)
    assert.deepEqual(lookup.candidates(key!), [3, 1])
    const { runs } = await lookup.spill()
    assert.equal(runs[0]?.keys, 2)
    lookup.remove(3)
    assert.deepEqual(lookup.candidates(key!), [1])
    const again = await open(runs, { isLive: seq => seq === 1 })
    assert.deepEqual(again.candidates(key!), [1])
  })

  it('names the 32 newest of the shards that all hold one block', async () => {
    const lookup = await open()
    const [key] = keys(0, 1)
    const newest = (last: number, count: number): number[] =>
      Array.from({ length: count }, (_, at) => last - at)
    for (let seq = 1; seq <= 32; seq++) await lookup.add(seq, fingerprints(keys(0, 1)))
    assert.deepEqual(lookup.candidates(key!), newest(32, 32))
    await lookup.spill()
    for (let seq = 33; seq <= 70; seq++) await lookup.add(seq, fingerprints(keys(0, 1)))
    assert.deepEqual(lookup.candidates(key!), newest(70, 32))
  })

  it('deletes runs that nobody lists, and what a crash left', async () => {
    const lookup = await open()
    await lookup.add(1, fingerprints(keys(0, 5)))
    const { runs } = await lookup.spill()
    await lookup.add(2, fingerprints(keys(0, 5)))
    await lookup.spill()
    await writeFile(join(dir, 'x.run.0badcafe.tmp'), 'half')
    await open(runs)
    assert.deepEqual(
      await readdir(dir),
      runs.map(run => run.name)
    )
  })

  it('asks for the live seqs of a damaged or missing run until they are added again', async () => {
    const lookup = await open()
    for (const seq of [1, 2, 3]) await lookup.add(seq, fingerprints(keys(seq, seq + 5)))
    const { runs } = await lookup.spill()
    const path = join(dir, runs[0]!.name)
    const bytes = await readFile(path)
    bytes[bytes.length >> 1]! ^= 1
    for (const harm of [
      async () => writeFile(path, bytes),
      async () => rm(path, { force: true })
    ]) {
      await harm()
      const again = await open(runs, { isLive: seq => seq !== 2 })
      assert.deepEqual(again.damaged, [1, 3])
      assert.deepEqual(again.candidates(keys(3, 4)[0]!), [])
      await again.add(1, fingerprints(keys(1, 6)))
      assert.deepEqual((await again.spill()).runs.at(-1), runs[0])
      await again.add(3, fingerprints(keys(3, 8)))
      assert.deepEqual(again.candidates(keys(3, 4)[0]!), [3, 1])
      const spill = await again.spill()
      assert.ok(!spill.runs.includes(runs[0]!))
      assert.equal(spill.watermark, 3)
      assert.deepEqual((await open(spill.runs)).candidates(keys(3, 4)[0]!), [3, 1])
    }
  })

  it('goes on answering when a spill fails, and writes it with the next', async () => {
    const lookup = await open()
    const [key] = keys(0, 1)
    await lookup.add(1, fingerprints(keys(0, 5)))
    await rm(dir, { recursive: true })
    await assert.rejects(lookup.spill(), { code: 'ENOENT' })
    assert.deepEqual(lookup.candidates(key!), [1])
    await open()
    await lookup.add(2, fingerprints(keys(0, 5)))
    const { runs, watermark } = await lookup.spill()
    assert.deepEqual([runs.length, watermark], [2, 2])
    assert.deepEqual(lookup.candidates(key!), [2, 1])
  })

  it('lets the watermark pass a seq that could not be added, which the next open asks for', async () => {
    const lookup = await open()
    const [key] = keys(100, 101)
    await rm(dir, { recursive: true })
    await assert.rejects(lookup.add(1, fingerprints(keys(0, 101))), { code: 'ENOENT' })
    assert.deepEqual(lookup.candidates(key!), [])
    await open()
    await lookup.add(2, fingerprints(keys(100, 105)))
    const { runs, watermark } = await lookup.spill()
    assert.equal(watermark, 2)
    assert.deepEqual((await open(runs, { isLive: seq => seq !== 1 })).damaged, [])

    const again = await open(runs)
    assert.deepEqual(again.damaged, [1])
    assert.deepEqual(again.candidates(key!), [2])
    await again.add(1, fingerprints(keys(0, 101)))
    assert.deepEqual(again.candidates(key!), [2, 1])
    const spill = await again.spill()
    assert.deepEqual([spill.watermark, spill.runs.map(({ lo }) => lo)], [2, [2, 1]])
    assert.deepEqual((await open(spill.runs)).damaged, [])
  })

  it('takes the fingerprints that a seq had out of its index', async () => {
    const blocks = ['a', 'b', 'c'].map(text => rawBlock(Buffer.from(text)))
    const car = carV1([], [...blocks, identityBlock(Buffer.from('me'))])
    const found = await fingerprintsOf(await openIndex(indexOf(car)), secret)
    const expected = fingerprints(blocks.map(({ cid }) => cid.multihash))
    assert.deepEqual(found.sort(), expected.sort())
  })
})
