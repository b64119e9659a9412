import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { Indexer } from '../../../src/dagstore/cix/indexer.ts'
import { resolveInbound } from '../../../src/dagstore/inbound/config.ts'
import type { InboundConfig } from '../../../src/dagstore/inbound/config.ts'
import { InboundCar } from '../../../src/dagstore/inbound/inbound-car.ts'
import type { SealedCar } from '../../../src/dagstore/inbound/seal.ts'
import { assertSealed } from './assert-sealed.ts'
import { sampleBlock, sampleBlocks } from './sample-blocks.ts'

const secret = new Uint8Array(16).fill(9)
const root = sampleBlock(0).cid

describe('part-writer', () => {
  let dir: string
  let indexer: Indexer

  before(() => {
    indexer = new Indexer({ threads: 1 })
  })
  after(async () => indexer.close())
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-writer-'))
  })
  afterEach(async () => rm(dir, { recursive: true }))

  async function start(options: Partial<InboundConfig> = {}): Promise<InboundCar> {
    const config = resolveInbound(options)
    return InboundCar.create({ dir, name: 'one', request: { root }, config })
  }

  async function resume(options: Partial<InboundConfig> = {}): Promise<InboundCar> {
    const config = resolveInbound(options)
    return InboundCar.resume({ partPath: join(dir, 'one.part'), config })
  }

  async function seal(car: InboundCar): Promise<SealedCar> {
    return car.seal({ roots: [root], indexer, secret })
  }

  it('marks after so many bytes', async () => {
    await using car = await start({ markBytes: 200 })
    await car.append(sampleBlock(0))
    assert.equal((await stat(join(dir, 'one.part.idx'))).size, 0)
    await car.append(sampleBlock(1))
    while ((await stat(join(dir, 'one.part.idx'))).size < 12 + 2 * 56 + 4);
  })

  it('marks after so long a time, with nothing else to wake it', async () => {
    await using car = await start({ markIntervalMs: 1 })
    await car.append(sampleBlock(0))
    while ((await stat(join(dir, 'one.part.idx'))).size < 12 + 56 + 4);
  })

  it('marks once at a flush and not again when nothing came since', async () => {
    await using car = await start()
    for (const block of sampleBlocks(3)) await car.append(block)
    await Promise.all([car.flush(), car.flush()])
    await car.flush()
    assert.equal((await stat(join(dir, 'one.part.idx'))).size, 12 + 3 * 56 + 4)
  })

  it('writes nothing more once an fsync failed, and is whole when opened again', async () => {
    const blocks = sampleBlocks(3)
    const first = await start()
    await first.append(blocks[0]!)
    await first.suspend()
    // fsync of /dev/null fails: the journal cannot be made durable.
    await rm(join(dir, 'one.part.idx'))
    await symlink('/dev/null', join(dir, 'one.part.idx'))

    const car = await resume()
    await car.append(blocks[1]!)
    await assert.rejects(car.flush(), { code: 'WRITER_POISONED' })
    assert.equal(car.state, 'poisoned')
    await assert.rejects(car.append(blocks[2]!), { code: 'WRITER_POISONED' })
    await assert.rejects(car.flush(), { code: 'WRITER_POISONED' })
    await assert.rejects(seal(car), { code: 'WRITER_POISONED' })
    assert.deepEqual(await car.get(blocks[1]!.cid), blocks[1]!.bytes)
    await assert.rejects(car.suspend(), { code: 'WRITER_POISONED' })

    await rm(join(dir, 'one.part.idx'))
    await using again = await resume()
    assert.deepEqual(again.resumed, { blocks: 2, bytes: 128, cutBytes: 0 })
    await again.append(blocks[2]!)
    await assertSealed(await seal(again), { blocks, roots: [root] })
  })

  it('says that the disk is full, and loses nothing by it', async () => {
    const blocks = sampleBlocks(3)
    const first = await start()
    await first.append(blocks[0]!)
    await first.suspend()
    await rm(join(dir, 'one.part.idx'))
    await symlink('/dev/full', join(dir, 'one.part.idx'))

    const car = await resume()
    await car.append(blocks[1]!)
    await assert.rejects(car.flush(), { code: 'RESOURCE_EXHAUSTED' })
    await car.append(blocks[2]!)
    await assert.rejects(seal(car), { code: 'RESOURCE_EXHAUSTED' })
    await assert.rejects(car.suspend(), { code: 'RESOURCE_EXHAUSTED' })

    await rm(join(dir, 'one.part.idx'))
    await using again = await resume()
    assert.equal(again.resumed.blocks, 3)
    await assertSealed(await seal(again), { blocks, roots: [root] })
  })
})
