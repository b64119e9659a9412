import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Block } from '../../../src/block.ts'
import { encodeHeader } from '../../../src/dagstore/car/header.ts'
import { encodeMultihashIndex } from '../../../src/dagstore/car/multihash-index.ts'
import { encodeSectionHead } from '../../../src/dagstore/car/section.ts'
import { Indexer } from '../../../src/dagstore/cix/indexer.ts'
import type { SealRequest } from '../../../src/dagstore/cix/jobs.ts'
import { CixReader } from '../../../src/dagstore/cix/reader.ts'
import { encodeMark, encodeRecord, recordBytes } from '../../../src/dagstore/inbound/part-index.ts'
import { digestOf } from '../../../src/hash.ts'
import { rawBlock } from '../car/sample-cars.ts'
import { readAtAsyncOf } from './memory-index.ts'

const sectionsStart = 4096

function blocksOf(count: number): Block[] {
  return Array.from({ length: count }, (_, at) => {
    const bytes = Buffer.from(`block ${at}`)
    if (at % 7 !== 0) return rawBlock(bytes)
    const code = at % 2 === 0 ? 0x13 : 0xb214
    const digest = digestOf(code, bytes, code === 0x13 ? 64 : 20)
    return { cid: CID.createV1(0x71, create(code, digest)), bytes }
  })
}

/** A part as the inbound writer leaves it, with a mark every 10 blocks. */
function partOf(blocks: readonly Block[]): { part: Buffer; journal: Buffer; offsets: number[] } {
  const sections: Uint8Array[] = []
  const marks: Uint8Array[] = []
  const offsets: number[] = []
  let [end, records] = [0, [] as Uint8Array[]]
  for (const [ordinal, { cid, bytes }] of blocks.entries()) {
    const head = encodeSectionHead(cid, bytes.length)
    const record = new Uint8Array(recordBytes)
    const digest = Buffer.alloc(32)
    digest.set(cid.multihash.digest.subarray(0, 32))
    const other = cid.multihash.code !== 0x12
    const place = { offset: end, dataLength: bytes.length, headLength: head.length }
    const location = { ...place, flags: 0, codec: cid.code, ordinal }
    encodeRecord(new DataView(record.buffer), 0, { digest, location, other })
    offsets.push(end)
    sections.push(head, bytes)
    end += head.length + bytes.length
    records.push(record)
    if (records.length === 10 || ordinal === blocks.length - 1) {
      marks.push(encodeMark(end, Buffer.concat(records)))
      records = []
    }
  }
  const part = Buffer.concat([Buffer.alloc(sectionsStart), ...sections])
  return { part, journal: Buffer.concat(marks), offsets }
}

describe('sealPart', () => {
  let dir: string
  let indexer: Indexer

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-seal-'))
    indexer = new Indexer({ threads: 1 })
  })
  after(async () => {
    await indexer.close()
    await rm(dir, { recursive: true })
  })

  async function request(blocks: readonly Block[]): Promise<SealRequest & { offsets: number[] }> {
    const { part, journal, offsets } = partOf(blocks)
    const partPath = join(dir, 'x.part')
    const partIndexPath = join(dir, 'x.part.idx')
    await writeFile(partPath, part)
    await writeFile(partIndexPath, journal)
    const roots = [blocks[1]!.cid]
    return {
      partPath,
      partIndexPath,
      sectionsStart,
      sectionsBytes: part.length - sectionsStart,
      headerLength: encodeHeader(roots).length,
      roots: roots.map(root => root.bytes),
      cix: {
        path: join(dir, 'x.cix'),
        private: { key: 'k', mount: 'file:///x', id: 1, generation: 1 }
      },
      secret: new Uint8Array(16),
      offsets
    }
  }

  it('writes the 0x0401 index behind the sections and a .cix that agrees with it', async () => {
    const blocks = blocksOf(95)
    const seal = await request(blocks)
    const report = await indexer.sealPart(seal)
    const sealed = await readFile(seal.partPath)
    assert.equal(report.indexOffset, sectionsStart + seal.sectionsBytes)
    assert.equal(sealed.length, report.indexOffset + report.indexBytes)
    assert.deepEqual([report.blocks, report.sections, report.identities], [95, 95, 0])

    const buckets = [0x12, 0x13, 0xb214].map(hashCode => {
      const entries = blocks
        .map(({ cid }, at) => ({
          cid,
          digest: cid.multihash.digest,
          offset: seal.offsets[at]! + seal.headerLength
        }))
        .filter(({ cid }) => cid.multihash.code === hashCode)
        .sort((a, b) => Buffer.compare(a.digest, b.digest))
      return { hashCode, digestLength: entries[0]!.digest.length, count: entries.length, entries }
    })
    const expected = Buffer.concat([...encodeMultihashIndex(buckets)])
    assert.deepEqual(sealed.subarray(report.indexOffset), expected)

    const cix = await readFile(seal.cix!.path)
    assert.equal(cix.length, report.cixBytes)
    const reader = await CixReader.open(readAtAsyncOf(cix), cix.length)
    assert.equal(reader.facts.payloadBase, sectionsStart - seal.headerLength)
    assert.equal(reader.facts.payloadSize, seal.headerLength + seal.sectionsBytes)
    for (const [ordinal, { cid, bytes }] of blocks.entries()) {
      const [location] = await reader.find(cid.multihash.code, cid.multihash.digest)
      assert.equal(location?.ordinal, ordinal)
      const from = reader.facts.payloadBase + location.offset + location.headLength
      assert.deepEqual(sealed.subarray(from, from + location.dataLength), bytes)
      assert.equal(location.flags, ordinal === 1 ? 8 : 0)
    }
  })

  it('writes no .cix when none is asked for', async () => {
    const { cix, ...seal } = await request(blocksOf(5))
    await rm(cix!.path, { force: true })
    assert.equal((await indexer.sealPart(seal)).cixBytes, 0)
    await assert.rejects(stat(cix!.path), { code: 'ENOENT' })
  })

  it('refuses a journal that does not cover all sections, and leaves the part as it was', async () => {
    const seal = await request(blocksOf(25))
    const journal = await readFile(seal.partIndexPath)
    await writeFile(seal.partIndexPath, journal.subarray(0, journal.length - 1))
    await assert.rejects(indexer.sealPart(seal), { code: 'CAR_TRUNCATED' })
    assert.equal((await stat(seal.partPath)).size, sectionsStart + seal.sectionsBytes)
  })
})
