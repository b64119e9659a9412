import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Block } from '../../../src/block.ts'
import { encodeSectionHead } from '../../../src/dagstore/car/section.ts'
import { resolveInbound } from '../../../src/dagstore/inbound/config.ts'
import { InboundCar } from '../../../src/dagstore/inbound/inbound-car.ts'
import { sampleBlock, sampleBlockV0 } from './sample-blocks.ts'

const config = resolveInbound()
const sectionsStart = 4096

/** Three marks over the first of them; the last two stand after the last mark. */
const blocks: readonly Block[] = [
  sampleBlock(0),
  sampleBlock(1, { hashCode: 0xb220 }),
  sampleBlockV0(2),
  sampleBlock(3, { hashCode: 0x13, digestLength: 64 }),
  sampleBlock(4),
  sampleBlock(5, { bytes: 10 }),
  sampleBlock(6, { hashCode: 0xb220 })
]
const markedCounts = [2, 3, 5]

describe('recover-part', () => {
  let dir: string
  let partPath: string
  let journalPath: string
  let part: Buffer
  let journal: Buffer
  /** Where each section ends in the part. */
  const ends: number[] = []

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-recover-'))
    const request = { root: blocks[0]!.cid }
    const car = await InboundCar.create({ dir, name: 'whole', request, config })
    const journalBefore = join(dir, 'journal')
    for (const [number, block] of blocks.entries()) {
      await car.append(block)
      if (!markedCounts.includes(number + 1)) continue
      await car.flush()
      await copyFile(join(dir, 'whole.part.idx'), journalBefore)
    }
    await car.suspend()
    part = await readFile(join(dir, 'whole.part'))
    journal = await readFile(journalBefore)
    let end = sectionsStart
    for (const { cid, bytes } of blocks) {
      end += encodeSectionHead(cid, bytes.length).length + bytes.length
      ends.push(end)
    }
    assert.equal(ends.at(-1), part.length)
    partPath = join(dir, 'cut.part')
    journalPath = join(dir, 'cut.part.idx')
  })
  after(async () => rm(dir, { recursive: true }))

  /** Opens a part of these files; both are as long as what is kept, and its blocks are right. */
  async function keptOf(files: { part: Uint8Array; journal: Uint8Array }): Promise<number> {
    await writeFile(partPath, files.part)
    await writeFile(journalPath, files.journal)
    const car = await InboundCar.resume({ partPath, config })
    try {
      const kept = car.resumed.blocks
      const end = kept === 0 ? sectionsStart : ends[kept - 1]!
      assert.equal((await stat(partPath)).size, end)
      assert.equal(car.resumed.cutBytes, files.part.length - end)
      for (const { cid } of blocks.slice(kept)) assert.equal(car.ordinalOf(cid), undefined)
      for (const [number, { cid }] of blocks.slice(0, kept).entries()) {
        assert.equal(car.ordinalOf(cid), number)
      }
      return kept
    } finally {
      await car.close()
    }
  }

  /** As `keptOf`, and what was kept and what is appended after it is all there at the next open. */
  async function keptAndCompleted(files: {
    part: Uint8Array
    journal: Uint8Array
  }): Promise<number> {
    const kept = await keptOf(files)
    const car = await InboundCar.resume({ partPath, config })
    for (const block of blocks) await car.append(block)
    await car.suspend()
    assert.deepEqual(await readFile(partPath), part)
    const again = await InboundCar.resume({ partPath, config })
    assert.deepEqual(again.resumed.blocks, blocks.length)
    for (const { cid, bytes } of blocks) assert.deepEqual(await again.get(cid), bytes)
    await again.suspend()
    return kept
  }

  it('keeps all when nothing is wrong, marked or not', async () => {
    assert.equal(await keptAndCompleted({ part, journal }), blocks.length)
  })

  it('keeps every whole section of a part cut at any byte', async () => {
    for (let size = sectionsStart; size <= part.length; size++) {
      const whole = ends.filter(end => end <= size).length
      const files = { part: part.subarray(0, size), journal }
      const kept = size % 16 === 0 ? await keptAndCompleted(files) : await keptOf(files)
      assert.equal(kept, whole, `cut at ${size}`)
    }
  })

  it('refuses a part that is cut before its sections', async () => {
    for (let size = 0; size < sectionsStart; size += size < 200 ? 1 : 97) {
      const files = { part: part.subarray(0, size), journal }
      const recordWhole = size >= 59 + part.readUInt32LE(51)
      if (recordWhole) assert.equal(await keptShort(files), 0)
      else await assert.rejects(keptOf(files), { code: 'CAR_INVALID' }, `cut at ${size}`)
    }
  })

  async function keptShort(files: { part: Uint8Array; journal: Uint8Array }): Promise<number> {
    await writeFile(partPath, files.part)
    await writeFile(journalPath, files.journal)
    await using car = await InboundCar.resume({ partPath, config })
    return car.resumed.blocks
  }

  it('cuts at the section in which a byte is flipped when no mark covers it', async () => {
    const marked = ends[markedCounts.at(-1)! - 1]!
    for (let at = marked; at < part.length; at++) {
      const whole = ends.filter(end => end <= at).length
      const inCodec = at === ends[whole - 1]! + 2
      const kept = await keptOf({ part: flipped(part, at), journal })
      // No hash covers the codec of a CID: the block is right and is found by its multihash.
      assert.equal(kept, inCodec ? blocks.length : whole, `flipped at ${at}`)
    }
  })

  it('trusts what a mark covers, and finds a flipped byte when the block is read', async () => {
    const marked = ends[markedCounts[0]! - 1]!
    for (let at = sectionsStart; at < marked; at++) {
      await writeFile(partPath, flipped(part, at))
      await writeFile(journalPath, journal)
      await using car = await InboundCar.resume({ partPath, config })
      const number = ends.filter(end => end <= at).length
      const { cid, bytes } = blocks[number]!
      if (at < ends[number]! - bytes.length) continue // in the head, of which the journal has a copy
      assert.equal(car.resumed.blocks, blocks.length)
      await assert.rejects(car.get(cid), { code: 'BLOCK_MISMATCH' }, `flipped at ${at}`)
    }
  })

  it('loses nothing when the journal is cut at any byte', async () => {
    for (let size = 0; size <= journal.length; size++) {
      const kept = await keptOf({ part, journal: journal.subarray(0, size) })
      assert.equal(kept, blocks.length, `cut at ${size}`)
    }
  })

  it('loses nothing when any byte of the journal is flipped', async () => {
    for (let at = 0; at < journal.length; at++) {
      assert.equal(await keptOf({ part, journal: flipped(journal, at) }), blocks.length, `at ${at}`)
    }
  })

  it('loses nothing when there is no journal', async () => {
    await writeFile(partPath, part)
    await rm(journalPath, { force: true })
    await using car = await InboundCar.resume({ partPath, config })
    assert.equal(car.resumed.blocks, blocks.length)
  })

  it('takes zeros after the sections for torn: a section of zero length is none', async () => {
    const padded = Buffer.concat([part, Buffer.alloc(500)])
    assert.equal(await keptAndCompleted({ part: padded, journal }), blocks.length)
  })

  it('takes neither a repeated section nor one with an identity CID for its own', async () => {
    const repeated = Buffer.concat([part, part.subarray(sectionsStart, ends[0])])
    assert.equal(await keptAndCompleted({ part: repeated, journal }), blocks.length)
    const identity = Buffer.concat([part, Buffer.from('0801550002aabbaabb', 'hex')])
    assert.equal(await keptAndCompleted({ part: identity, journal }), blocks.length)
  })
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at]! ^= 0x20
  return copy
}
