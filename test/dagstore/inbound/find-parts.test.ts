import assert from 'node:assert/strict'
import {
  cp,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { CID } from 'multiformats/cid'
import { Indexer } from '../../../src/dagstore/cix/indexer.ts'
import { resolveInbound } from '../../../src/dagstore/inbound/config.ts'
import { findParts } from '../../../src/dagstore/inbound/find-parts.ts'
import { openPageEnd } from '../../../src/dagstore/inbound/first-page.ts'
import { InboundCar } from '../../../src/dagstore/inbound/inbound-car.ts'
import { sampleBlock, sampleBlocks } from './sample-blocks.ts'

const config = resolveInbound()
const root = sampleBlock(0).cid
const blocks = sampleBlocks(6)

describe('find-parts', () => {
  let dir: string
  let cars: string
  let indexer: Indexer

  before(() => {
    indexer = new Indexer({ threads: 1 })
  })
  after(async () => indexer.close())
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-find-'))
    cars = join(dir, 'cars')
    await mkdir(cars)
  })
  afterEach(async () => rm(dir, { recursive: true }))

  async function start(name: string): Promise<InboundCar> {
    const car = await InboundCar.create({ dir: cars, name, request: { root }, config })
    for (const block of blocks) await car.append(block)
    return car
  }

  /** The files as they are when the index is written and no header is yet. */
  async function snapshotBeforeHeaders(roots: readonly CID[]): Promise<void> {
    const car = await start('x')
    const copying = {
      async sealPart(...args: Parameters<Indexer['sealPart']>) {
        const report = await indexer.sealPart(...args)
        await cp(cars, join(dir, 'snapshot'), { recursive: true })
        return report
      }
    }
    await car.seal({ roots, indexer: copying })
    await car.close()
  }

  /** Puts the snapshot in place of what came of it; returns the sealed file. */
  async function backToSnapshot(): Promise<Buffer> {
    const sealed = await readFile(join(cars, 'x.car'))
    await rm(cars, { recursive: true })
    await cp(join(dir, 'snapshot'), cars, { recursive: true })
    return sealed
  }

  it('finds nothing in an empty directory and leaves other files alone', async () => {
    assert.deepEqual(await findParts(cars), [])
    await writeFile(join(cars, 'a.car'), 'mine')
    await writeFile(join(cars, 'notes.txt'), 'mine')
    assert.deepEqual(await findParts(cars), [])
    assert.deepEqual(await readdir(cars), ['a.car', 'notes.txt'])
  })

  it('takes no folder for a part', async () => {
    await mkdir(join(cars, 'x.part'))
    await mkdir(join(cars, 'y.part.idx'))
    assert.deepEqual(await findParts(cars), [])
    assert.deepEqual(await readdir(cars), ['x.part', 'y.part.idx'])
  })

  it('finds an open part and what it is for', async () => {
    await (await start('x')).suspend()
    const path = join(cars, 'x.part')
    const found = await findParts(cars)
    assert.equal(found.length, 1)
    assert.ok(found[0]?.state === 'open')
    assert.equal(found[0].path, path)
    assert.equal(found[0].request.root.toString(), root.toString())
  })

  it('gives a part that was sealed and not renamed its name', async () => {
    await snapshotBeforeHeaders([root])
    const sealed = await backToSnapshot()
    await writeFile(join(cars, 'x.part'), sealed)
    assert.deepEqual(await findParts(cars), [{ state: 'sealed', path: join(cars, 'x.car') }])
    assert.deepEqual(await readdir(cars), ['x.car'])
    assert.deepEqual(await readFile(join(cars, 'x.car')), sealed)
    assert.deepEqual(await findParts(cars), [])
  })

  it('takes away a journal whose part has become a CAR', async () => {
    await snapshotBeforeHeaders([root])
    await cp(join(dir, 'snapshot', 'x.part.idx'), join(cars, 'x.part.idx'))
    assert.deepEqual(await findParts(cars), [])
    assert.deepEqual(await readdir(cars), ['x.car'])
  })

  for (const count of [1, 98]) {
    it(`resumes a part of ${count} roots whose seal was broken off before the CARv2 header`, async () => {
      const roots = sampleBlocks(count).map(block => block.cid)
      await snapshotBeforeHeaders(roots)
      const sealed = await backToSnapshot()
      const path = join(cars, 'x.part')
      const recordEnd = openPageEnd({ root })
      {
        await using file = await open(path, 'r+')
        await file.write(sealed, recordEnd, 4096 - recordEnd, recordEnd)
      }
      const [found] = await findParts(cars)
      assert.equal(found?.state, 'open')
      await using car = await InboundCar.resume({ partPath: path, config })
      assert.equal(car.blocks, blocks.length)
      await car.seal({ roots, indexer })
      assert.deepEqual(await readFile(join(cars, 'x.car')), sealed)
    })
  }

  it('keeps all blocks, and no byte of the index, when the index is cut anywhere', async () => {
    await snapshotBeforeHeaders([root])
    const sealed = await backToSnapshot()
    const path = join(cars, 'x.part')
    const whole = await readFile(path)
    const end = 4096 + blocks.length * 101
    for (let size = end; size <= whole.length; size++) {
      await writeFile(path, whole.subarray(0, size))
      const car = await InboundCar.resume({ partPath: path, config })
      assert.equal(car.blocks, blocks.length, `cut at ${size}`)
      assert.equal(car.resumed.cutBytes, size - end)
      await car.suspend()
    }
    await using car = await InboundCar.resume({ partPath: path, config })
    await car.seal({ roots: [root], indexer })
    assert.deepEqual(await readFile(join(cars, 'x.car')), sealed)
  })

  it('takes away what a crash left of a part that had no section yet', async () => {
    await (await start('x')).suspend()
    for (const size of [0, 1, 51, 80]) {
      await cp(join(cars, 'x.part'), join(cars, 'y.part'))
      await truncate(join(cars, 'y.part'), size)
      await writeFile(join(cars, 'y.part.idx'), '')
      assert.equal((await findParts(cars)).length, 1, `cut at ${size}`)
      assert.deepEqual(await readdir(cars), ['x.part', 'x.part.idx'])
    }
  })

  it('reports a part with sections that does not say what it is for, and leaves it', async () => {
    await (await start('x')).suspend()
    const path = join(cars, 'x.part')
    const bytes = await readFile(path)
    bytes[70]! ^= 1
    await writeFile(path, bytes)
    assert.deepEqual(await findParts(cars), [{ state: 'damaged', path }])
    assert.deepEqual(await readFile(path), bytes)
  })

  it('sees no sealed CAR in an open part in whose first bytes one is flipped', async () => {
    await (await start('x')).suspend()
    const path = join(cars, 'x.part')
    const bytes = await readFile(path)
    for (let at = 0; at < 51; at++) {
      const copy = Uint8Array.from(bytes)
      copy[at]! ^= 0x80
      await writeFile(path, copy)
      const [found] = await findParts(cars)
      assert.equal(found?.state, 'open', `flipped at ${at}`)
    }
    await using car = await InboundCar.resume({ partPath: path, config })
    await car.seal({ roots: [root], indexer })
    assert.equal((await readFile(join(cars, 'x.car')))[0], 0x0a)
  })
})
