import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Block } from '../../../src/block.ts'
import { encodeHeader } from '../../../src/dagstore/car/header.ts'
import { encodeMultihashIndex } from '../../../src/dagstore/car/multihash-index.ts'
import { encodeSectionHead } from '../../../src/dagstore/car/section.ts'
import { Indexer } from '../../../src/dagstore/cix/indexer.ts'
import type { SealRequest } from '../../../src/dagstore/cix/jobs.ts'
import { encodeMark, encodeRecord, recordBytes } from '../../../src/dagstore/inbound/part-index.ts'
import { digestOf } from '../../../src/hash.ts'
import { rawBlock } from '../car/sample-cars.ts'

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
    return {
      partPath,
      partIndexPath,
      sectionsStart,
      sectionsBytes: part.length - sectionsStart,
      headerLength: encodeHeader([blocks[1]!.cid]).length,
      offsets
    }
  }

  it('writes the 0x0401 index behind the sections, which stay as they were', async () => {
    const blocks = blocksOf(95)
    const seal = await request(blocks)
    const part = await readFile(seal.partPath)
    const report = await indexer.sealPart(seal)
    const sealed = await readFile(seal.partPath)
    assert.equal(report.indexOffset, sectionsStart + seal.sectionsBytes)
    assert.equal(sealed.length, report.indexOffset + report.indexBytes)
    assert.deepEqual(sealed.subarray(0, report.indexOffset), part)

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
  })

  it('refuses a journal that does not cover all sections, and leaves the part as it was', async () => {
    const seal = await request(blocksOf(25))
    const journal = await readFile(seal.partIndexPath)
    await writeFile(seal.partIndexPath, journal.subarray(0, journal.length - 1))
    await assert.rejects(indexer.sealPart(seal), { code: 'CAR_TRUNCATED' })
    assert.equal((await stat(seal.partPath)).size, sectionsStart + seal.sectionsBytes)
  })

  const skip = process.platform === 'win32' && 'Windows has no named pipes in folders'
  it('rejects with the reason when called off, once its thread is done', { skip }, async () => {
    const seal = await request(blocksOf(5))
    const [partPath, partIndexPath] = [join(dir, 'part'), join(dir, 'journal')]
    execFileSync('mkfifo', [partPath, partIndexPath])
    const controller = new AbortController()
    const reason = new Error('enough')
    let ended = false
    const piped = { ...seal, partPath, partIndexPath }
    const job = indexer.sealPart(piped, { signal: controller.signal }).finally(() => (ended = true))
    const rejected = assert.rejects(job, error => error === reason)
    // A pipe opens when both sides do: from here on the thread waits for the other one.
    await using _part = await open(partPath, 'w')
    controller.abort(reason)
    await setImmediate()
    const endedEarly = ended
    await using _journal = await open(partIndexPath, 'w')
    await rejected
    assert.equal(endedEarly, false)
  })
})
