import assert from 'node:assert/strict'
import { rm, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { assertSealed } from './assert-sealed.ts'
import { PartFolder, root } from './part-folder.ts'
import { sampleBlock, sampleBlocks } from './sample-blocks.ts'

describe('part-writer', () => {
  let parts: PartFolder

  beforeEach(async () => {
    parts = await PartFolder.create()
  })
  afterEach(async () => parts[Symbol.asyncDispose]())

  it('marks after so many bytes', async () => {
    await using car = await parts.start({ markBytes: 200 })
    await car.append(sampleBlock(0))
    assert.equal((await stat(join(parts.dir, 'one.part.idx'))).size, 0)
    await car.append(sampleBlock(1))
    while ((await stat(join(parts.dir, 'one.part.idx'))).size < 12 + 2 * 56 + 4);
  })

  it('marks after so long a time, with nothing else to wake it', async () => {
    await using car = await parts.start({ markIntervalMs: 1 })
    await car.append(sampleBlock(0))
    while ((await stat(join(parts.dir, 'one.part.idx'))).size < 12 + 56 + 4);
  })

  it('marks once at a flush and not again when nothing came since', async () => {
    await using car = await parts.start()
    for (const block of sampleBlocks(3)) await car.append(block)
    await Promise.all([car.flush(), car.flush()])
    await car.flush()
    assert.equal((await stat(join(parts.dir, 'one.part.idx'))).size, 12 + 3 * 56 + 4)
  })

  it('writes nothing more once an fsync failed, and is whole when opened again', async () => {
    const blocks = sampleBlocks(3)
    const first = await parts.start()
    await first.append(blocks[0]!)
    await first.suspend()
    // fsync of /dev/null fails: the journal cannot be made durable.
    await rm(join(parts.dir, 'one.part.idx'))
    await symlink('/dev/null', join(parts.dir, 'one.part.idx'))

    const car = await parts.resume()
    await car.append(blocks[1]!)
    await assert.rejects(car.flush(), { code: 'WRITER_POISONED' })
    assert.equal(car.state, 'poisoned')
    await assert.rejects(car.append(blocks[2]!), { code: 'WRITER_POISONED' })
    await assert.rejects(car.flush(), { code: 'WRITER_POISONED' })
    await assert.rejects(parts.seal(car), { code: 'WRITER_POISONED' })
    assert.deepEqual(await car.get(blocks[1]!.cid), blocks[1]!.bytes)
    await assert.rejects(car.suspend(), { code: 'WRITER_POISONED' })

    await rm(join(parts.dir, 'one.part.idx'))
    await using again = await parts.resume()
    assert.deepEqual(again.resumed, { blocks: 2, bytes: 128, cutBytes: 0 })
    await again.append(blocks[2]!)
    await assertSealed(await parts.seal(again), { blocks, roots: [root] })
  })

  it('says that the disk is full, and loses nothing by it', async () => {
    const blocks = sampleBlocks(3)
    const first = await parts.start()
    await first.append(blocks[0]!)
    await first.suspend()
    await rm(join(parts.dir, 'one.part.idx'))
    await symlink('/dev/full', join(parts.dir, 'one.part.idx'))

    const car = await parts.resume()
    await car.append(blocks[1]!)
    await assert.rejects(car.flush(), { code: 'RESOURCE_EXHAUSTED' })
    await car.append(blocks[2]!)
    await assert.rejects(parts.seal(car), { code: 'RESOURCE_EXHAUSTED' })
    await assert.rejects(car.suspend(), { code: 'RESOURCE_EXHAUSTED' })

    await rm(join(parts.dir, 'one.part.idx'))
    await using again = await parts.resume()
    assert.equal(again.resumed.blocks, 3)
    await assertSealed(await parts.seal(again), { blocks, roots: [root] })
  })
})
