import assert from 'node:assert/strict'
import { open, readdir, readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Block } from '../../../src/block.ts'
import { Indexer } from '../../../src/dagstore/cix/indexer.ts'
import { assertSealed } from './assert-sealed.ts'
import { PartFolder, root } from './part-folder.ts'
import { sampleBlock, sampleBlocks, sampleBlockV0 } from './sample-blocks.ts'

describe('inbound-car', () => {
  let parts: PartFolder

  beforeEach(async () => {
    parts = await PartFolder.create()
  })
  afterEach(async () => parts[Symbol.asyncDispose]())

  it('numbers blocks in the order they came and answers for them before they are written', async () => {
    await using car = await parts.start()
    const blocks = sampleBlocks(5)
    for (const [number, block] of blocks.entries()) {
      assert.equal(await car.append(block), number)
      assert.deepEqual(await car.get(block.cid), block.bytes)
    }
    assert.equal(car.blocks, 5)
    assert.equal(car.bytes, 5 * 64)
    assert.equal(car.ordinalOf(blocks[3]!.cid), 3)
    assert.equal(await car.has(blocks[3]!.cid), true)
    assert.equal(await car.size(blocks[3]!.cid), 64)
  })

  it('says that a block is missing, and answers identity CIDs by themselves', async () => {
    await using car = await parts.start()
    const absent = sampleBlock(1).cid
    assert.equal(car.ordinalOf(absent), undefined)
    assert.equal(await car.has(absent), false)
    await assert.rejects(car.get(absent), { code: 'BLOCK_MISSING' })
    await assert.rejects(car.size(absent), { code: 'BLOCK_MISSING' })
    const inline = CID.createV1(0x55, create(0, Uint8Array.of(1, 2, 3)))
    assert.deepEqual(await car.get(inline), Uint8Array.of(1, 2, 3))
    assert.equal(await car.has(inline), true)
    assert.equal(await car.size(inline), 3)
    await assert.rejects(car.append({ cid: inline, bytes: inline.multihash.digest }), TypeError)
    assert.equal(car.blocks, 0)
  })

  it('writes a multihash once, whichever CID it comes with, also when it comes twice at once', async () => {
    await using car = await parts.start({ unwrittenBytesMax: 1 })
    const { cid, bytes } = sampleBlock(0)
    const asCbor = CID.createV1(0x71, cid.multihash)
    const appends = [sampleBlock(1), { cid, bytes }, { cid: asCbor, bytes }, { cid, bytes }]
    const [, ...ordinals] = await Promise.all(appends.map(async block => car.append(block)))
    assert.equal(new Set(ordinals).size, 1)
    assert.equal(car.blocks, 2)
    assert.deepEqual(await car.get(asCbor), bytes)
  })

  it('takes a section of the longest length and none longer', async () => {
    await using car = await parts.start({ sectionBytesMax: 1036 })
    await car.append(sampleBlock(0, { bytes: 1000 }))
    await assert.rejects(car.append(sampleBlock(1, { bytes: 1001 })), { code: 'CAR_LIMIT' })
    await car.append(sampleBlock(2, { bytes: 1000 }))
    assert.equal(car.blocks, 2)
  })

  it('makes append wait while the bound of unwritten bytes is reached', async () => {
    await using car = await parts.start({ unwrittenBytesMax: 300, writeBytes: 64 })
    let accepted = 0
    const appends = sampleBlocks(10).map(async block => {
      await car.append(block)
      accepted += 1
    })
    await Promise.resolve()
    assert.ok(accepted < 5, `${accepted} blocks of 101 bytes before anything was written`)
    await Promise.all(appends)
    assert.equal(car.blocks, 10)
  })

  for (const { name, why, blocks } of shapes()) {
    it(`seals ${name} so that others read it (${why})`, async () => {
      await using car = await parts.start({ markBytes: 500 })
      for (const block of blocks) await car.append(block)
      const roots = [blocks[0]!.cid]
      const sealed = await parts.seal(car, roots)
      assert.equal(sealed.path, join(parts.dir, 'one.car'))
      assert.equal(car.path, sealed.path)
      assert.deepEqual(await readdir(parts.dir), ['one.car'])
      await assertSealed(sealed, { blocks, roots })
    })
  }

  it('seals 98 roots, whose header takes the place of the resume record', async () => {
    await using car = await parts.start()
    const blocks = sampleBlocks(98)
    for (const block of blocks) await car.append(block)
    const roots = blocks.map(block => block.cid)
    await assertSealed(await parts.seal(car, roots), { blocks, roots })
  })

  it('refuses 99 roots and stays open', async () => {
    await using car = await parts.start()
    const blocks = sampleBlocks(99)
    for (const block of blocks) await car.append(block)
    const roots = blocks.map(block => block.cid)
    await assert.rejects(parts.seal(car, roots), { code: 'CAR_LIMIT' })
    await assertSealed(await parts.seal(car, roots.slice(1)), { blocks, roots: roots.slice(1) })
  })

  it('has its header at 4037 with one root, and sections from 4096', async () => {
    await using car = await parts.start()
    await car.append(sampleBlock(0))
    const sealed = await parts.seal(car)
    assert.equal(sealed.payloadBase, 4037)
    assert.equal(sealed.payloadSize, 59 + 101)
    const file = await readFile(sealed.path)
    assert.equal(file[4096], 36 + 64)
    assert.equal(file.readBigUInt64LE(43), 4096n + 101n, 'indexOffset')
  })

  it('answers reads while it is sealed and until it is closed', async () => {
    const car = await parts.start()
    const block = sampleBlock(0)
    await car.append(block)
    const sealing = parts.seal(car)
    assert.deepEqual(await car.get(block.cid), block.bytes)
    await assert.rejects(car.append(sampleBlock(1)), { code: 'CLOSED' })
    await sealing
    assert.deepEqual(await car.get(block.cid), block.bytes)
    await car.close()
    await car.close()
    await assert.rejects(car.get(block.cid), { code: 'CLOSED' })
  })

  it('waits for a seal under way when it is closed', async () => {
    const car = await parts.start()
    await car.append(sampleBlock(0))
    const sealing = parts.seal(car)
    assert.equal(car.state, 'sealing')
    await car.close()
    assert.equal(car.state, 'closed')
    await assertSealed(await sealing, { blocks: [sampleBlock(0)], roots: [root] })
  })

  it('is open again, with nothing after its sections, when the index cannot be written', async () => {
    await using car = await parts.start()
    const blocks = sampleBlocks(4)
    for (const block of blocks.slice(0, 2)) await car.append(block)
    const controller = new AbortController()
    const stopping = {
      async sealPart(...args: Parameters<Indexer['sealPart']>) {
        const report = await parts.indexer.sealPart(...args)
        controller.abort(new Error('enough'))
        return report
      }
    }
    const { signal } = controller
    const options = { roots: [root] }
    await assert.rejects(car.seal({ ...options, indexer: stopping, signal }), { message: 'enough' })
    assert.equal((await stat(car.path)).size, 4096 + 2 * 101)
    await assert.rejects(car.seal({ ...options, indexer: parts.indexer, signal }), {
      message: 'enough'
    })
    for (const block of blocks.slice(2)) await car.append(block)
    await assertSealed(await parts.seal(car), { blocks, roots: [root] })
  })

  it('goes on where it was suspended', async () => {
    const first = await parts.start()
    const blocks = [...sampleBlocks(3), sampleBlockV0(3), sampleBlock(4, { hashCode: 0xb220 })]
    for (const block of blocks.slice(0, 4)) await first.append(block)
    await first.suspend()
    await assert.rejects(first.append(blocks[4]!), { code: 'CLOSED' })

    await using car = await parts.resume()
    assert.deepEqual(car.resumed, { blocks: 4, bytes: 4 * 64, cutBytes: 0 })
    assert.equal(car.root.toString(), root.toString())
    assert.equal(await car.append(blocks[2]!), 2)
    assert.equal(await car.append(blocks[4]!), 4)
    await assertSealed(await parts.seal(car), { blocks, roots: [root] })
  })

  it('does not write over a part that is there', async () => {
    const car = await parts.start()
    await car.append(root.code === 0x55 ? sampleBlock(0) : sampleBlock(1))
    await assert.rejects(parts.start(), { code: 'EEXIST' })
    await car.suspend()
    await using again = await parts.resume()
    assert.equal(again.blocks, 1)
  })

  it('leaves no file when it is discarded', async () => {
    const car = await parts.start()
    await car.append(sampleBlock(0))
    await car.discard()
    assert.deepEqual(await readdir(parts.dir), [])
    await assert.rejects(car.append(sampleBlock(0)), { code: 'CLOSED' })
    await assert.rejects(car.discard(), { code: 'CLOSED' })
  })

  it('finds a block damaged on disk when it is read', async () => {
    await using car = await parts.start()
    for (const block of sampleBlocks(2)) await car.append(block)
    await car.flush()
    await using file = await open(car.path, 'r+')
    await file.write(Buffer.from([0xff]), 0, 1, 4096 + 60)
    await assert.rejects(car.get(sampleBlock(0).cid), { code: 'BLOCK_MISMATCH' })
    assert.deepEqual(await car.get(sampleBlock(1).cid), sampleBlock(1).bytes)
  })

  it('cannot be resumed when its first page is gone', async () => {
    const car = await parts.start()
    await car.append(sampleBlock(0))
    await car.suspend()
    await truncate(join(parts.dir, 'one.part'), 100)
    await assert.rejects(parts.resume(), { code: 'CAR_INVALID' })
  })
})

/** Blocks of one kind each: what a journal and an index must be able to say. */
function shapes(): { name: string; why: string; blocks: Block[] }[] {
  return [
    { name: 'raw blocks', why: 'the usual', blocks: sampleBlocks(50) },
    { name: 'an empty block', why: 'no bytes to read', blocks: [sampleBlock(0, { bytes: 0 })] },
    {
      name: 'CIDv0',
      why: 'its CID is a bare multihash',
      blocks: Array.from({ length: 9 }, (_, number) => sampleBlockV0(number))
    },
    {
      name: 'blake2b-256',
      why: 'journal records that are read from the part',
      blocks: sampleBlocks(9, { hashCode: 0xb220 })
    },
    {
      name: 'sha1, sha2-256 and sha2-512 together',
      why: 'digests shorter and longer than a record has room for',
      blocks: sampleBlocks(9).flatMap((block, number) => [
        block,
        sampleBlock(number, { hashCode: 0x11, digestLength: 20, bytes: 70 }),
        sampleBlock(number, { hashCode: 0x13, digestLength: 64, bytes: 80 })
      ])
    },
    {
      name: 'blocks larger than one write',
      why: 'a section in several batches',
      blocks: sampleBlocks(3, { bytes: 2_500_000 })
    }
  ]
}
