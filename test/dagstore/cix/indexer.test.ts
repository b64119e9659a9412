import assert from 'node:assert/strict'
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Block } from '../../../src/block.ts'
import { encodeHeader } from '../../../src/dagstore/car/header.ts'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import { encodeSectionHead } from '../../../src/dagstore/car/section.ts'
import { Indexer } from '../../../src/dagstore/cix/indexer.ts'
import type { IndexReport, IndexRequest } from '../../../src/dagstore/cix/jobs.ts'
import { CixReader } from '../../../src/dagstore/cix/reader.ts'
import { carV1, carV2, cidV0Block, identityBlock, rawBlock } from '../car/sample-cars.ts'
import { readAtAsyncOf } from './memory-index.ts'

const secret = Buffer.alloc(16, 7)
const facts = { key: 'k', mount: 'file:///x.car', id: 3, generation: 1 }

function numbered(count: number): Block[] {
  return Array.from({ length: count }, (_, at) => rawBlock(Buffer.from(`block ${at}`)))
}

describe('Indexer', () => {
  let dir: string
  let indexer: Indexer
  let made = 0

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-indexer-'))
    indexer = new Indexer({ threads: 2 })
  })
  after(async () => {
    await indexer.close()
    await rm(dir, { recursive: true })
  })

  function requestFor(carPath: string): IndexRequest {
    const cix = { path: `${carPath}.cix`, private: facts }
    return { carPath, cix, secret, limits: carLimitDefaults }
  }

  async function save(car: Uint8Array): Promise<IndexRequest> {
    const path = join(dir, `${(made += 1)}.car`)
    await writeFile(path, car)
    return requestFor(path)
  }

  async function index(car: Uint8Array): Promise<{ report: IndexReport; reader: CixReader }> {
    const request = await save(car)
    const report = await indexer.indexCar(request)
    const bytes = await readFile(request.cix.path)
    assert.equal(report.cixBytes, bytes.length)
    const reader = await CixReader.open(readAtAsyncOf(bytes), bytes.length)
    await reader.verifyBody()
    return { report, reader }
  }

  it('indexes a CAR: layout, counts, locations', async () => {
    const blocks = numbered(1000)
    const car = carV1([blocks[5]!.cid], blocks)
    const { report, reader } = await index(car)
    const { roots, ...layout } = report.layout
    const place = { payloadBase: 0, payloadSize: car.length, headerLength: 59, indexOffset: 0 }
    assert.deepEqual(layout, { version: 1, fullyIndexed: false, ...place })
    assert.deepEqual(
      roots.map(root => String(CID.decode(root))),
      [String(blocks[5]!.cid)]
    )
    assert.deepEqual([report.blocks, report.sections, report.identities], [1000, 1000, 0])
    assert.equal(
      report.dataBytes,
      blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
    )
    assert.equal(new Set(report.fingerprints).size, 1000)
    assert.deepEqual(reader.facts.private, facts)
    for (const { cid, bytes } of blocks) {
      const [location] = await reader.find(cid.multihash.code, cid.multihash.digest)
      const from = location!.offset + location!.headLength
      assert.deepEqual(car.subarray(from, from + location!.dataLength), bytes)
    }
  })

  it('counts from the payload of a CARv2', async () => {
    const blocks = numbered(3)
    const { report, reader } = await index(carV2(carV1([], blocks), { padding: 13 }))
    assert.equal(report.layout.payloadBase, 51 + 13)
    assert.equal(reader.facts.payloadBase, 51 + 13)
    const { digest } = blocks[0]!.cid.multihash
    const [location] = await reader.find(0x12, digest)
    assert.equal(location?.offset, report.layout.headerLength)
  })

  it('knows duplicates, CIDv0, identity, empty blocks and other hash functions apart', async () => {
    const text = Buffer.from('once')
    const blake = CID.createV1(0x55, create(0xb220, Buffer.alloc(32, 9)))
    const blocks = [
      rawBlock(text),
      cidV0Block(text),
      rawBlock(text),
      identityBlock(text),
      rawBlock(Buffer.alloc(0)),
      { cid: blake, bytes: text }
    ]
    const { report, reader } = await index(carV1([], blocks))
    assert.deepEqual([report.blocks, report.sections, report.identities], [3, 6, 1])
    assert.equal(report.fingerprints.length, 3)
    const found = await reader.find(0x12, blocks[0]!.cid.multihash.digest)
    assert.deepEqual(
      found.map(({ ordinal, flags, codec }) => [ordinal, flags, codec]),
      [
        [0, 4, 0x55],
        [1, 1, 0x70],
        [2, 0, 0x55]
      ]
    )
    assert.equal((await reader.find(0, text))[0]?.flags, 2)
    assert.equal((await reader.find(0x12, blocks[4]!.cid.multihash.digest))[0]?.dataLength, 0)
    assert.equal(reader.facts.complete, true)
  })

  it('leaves an identity CID over 128 bytes out, and says that the index is not complete', async () => {
    const within = await index(carV1([], [identityBlock(Buffer.alloc(128, 1))]))
    assert.deepEqual([within.reader.facts.complete, within.reader.facts.blockCount], [true, 1])
    const past = await index(carV1([], [identityBlock(Buffer.alloc(129, 1)), ...numbered(1)]))
    assert.deepEqual([past.reader.facts.complete, past.reader.facts.blockCount], [false, 1])
    assert.deepEqual([past.report.sections, past.report.identities], [2, 1])
  })

  it('indexes sections that begin past 4 GiB', async () => {
    const [block, far] = numbered(2)
    const head = carV1([], [block!])
    const path = join(dir, 'sparse.car')
    await using file = await open(path, 'w')
    const big = 7 * 2 ** 20
    const filler = rawBlock(Buffer.from('not what follows')).cid
    await file.write(head, 0, head.length, 0)
    let position = head.length
    while (position < 2 ** 32 + big) {
      const section = encodeSectionHead(filler, big)
      await file.write(section, 0, section.length, position)
      position += section.length + big
    }
    const section = Buffer.concat([encodeSectionHead(far!.cid, far!.bytes.length), far!.bytes])
    await file.write(section, 0, section.length, position)
    const request = requestFor(path)
    await indexer.indexCar(request)
    const bytes = await readFile(request.cix.path)
    const reader = await CixReader.open(readAtAsyncOf(bytes), bytes.length)
    const [location] = await reader.find(0x12, far!.cid.multihash.digest)
    assert.equal(location?.offset, position)
  })

  it('fails with the error of the CAR, across the thread, and leaves no file', async () => {
    const car = carV1([], numbered(3))
    const cases = [
      { bytes: car.subarray(0, car.length - 1), code: 'CAR_TRUNCATED', name: 'CarTruncatedError' },
      { bytes: Buffer.from('not a CAR at all'), code: /^CAR_/, name: /^Car/ },
      { bytes: Buffer.concat([car, Buffer.alloc(4)]), code: 'CAR_INVALID', name: 'CarInvalidError' }
    ]
    for (const { bytes, code, name } of cases) {
      const request = await save(bytes)
      const beside = await readdir(dir)
      await assert.rejects(indexer.indexCar(request), { code, name })
      assert.deepEqual(await readdir(dir), beside)
    }
    const over = { ...(await save(car)), limits: { ...carLimitDefaults, sectionBytesMax: 40 } }
    await assert.rejects(indexer.indexCar(over), { code: 'CAR_LIMIT', offset: 18 })
    await assert.rejects(indexer.indexCar(requestFor(join(dir, 'none.car'))), { code: 'ENOENT' })
  })

  it('refuses a digest over 128 bytes', async () => {
    const cid = (length: number): CID => CID.createV1(0x55, create(0x12, Buffer.alloc(length, 1)))
    await index(carV1([], [{ cid: cid(128), bytes: Buffer.alloc(1) }]))
    const past = await save(carV1([], [{ cid: cid(129), bytes: Buffer.alloc(1) }]))
    await assert.rejects(indexer.indexCar(past), { code: 'INDEX_UNSUPPORTED' })
  })

  it('refuses more than 1,000 pairs of hash function and digest length', async () => {
    const blocks = (count: number): Block[] =>
      Array.from({ length: count }, (_, at) => {
        const multihash = create(0x1000 + (at >> 3), Buffer.alloc((at & 7) + 1, 1))
        return { cid: CID.createV1(0x55, multihash), bytes: Buffer.alloc(1) }
      })
    const { reader } = await index(carV1([], blocks(1000)))
    const { code, digest } = blocks(1000)[777]!.cid.multihash
    assert.equal((await reader.find(code, digest))[0]?.ordinal, 777)
    const past = await save(carV1([], blocks(1001)))
    await assert.rejects(indexer.indexCar(past), { code: 'INDEX_UNSUPPORTED' })
  })

  it('refuses a codec over 32 bits', async () => {
    const { multihash } = numbered(1)[0]!.cid
    const block = (codec: number): Block => ({
      cid: CID.createV1(codec, multihash),
      bytes: Buffer.from('block 0')
    })
    const { reader } = await index(carV1([], [block(2 ** 32 - 1)]))
    assert.equal((await reader.find(0x12, multihash.digest))[0]?.codec, 2 ** 32 - 1)
    const past = await save(carV1([], [block(2 ** 32)]))
    await assert.rejects(indexer.indexCar(past), { code: 'INDEX_UNSUPPORTED' })
  })

  it('does more jobs than it has threads', async () => {
    const jobs = Array.from({ length: 10 }, async (_, at) => index(carV1([], numbered(at + 1))))
    const done = await Promise.all(jobs)
    assert.deepEqual(
      done.map(({ report }) => report.blocks),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    )
  })

  it('ends a job that is called off with the reason, and no other', async () => {
    const request = await save(carV1([], numbered(20_000)))
    const controller = new AbortController()
    const others = [...Array(4).keys()].map(at =>
      indexer.indexCar({ ...request, cix: { ...request.cix, path: `${request.cix.path}.${at}` } })
    )
    const job = indexer.indexCar(request, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(job, { message: 'enough' })
    assert.equal((await Promise.all(others)).length, 4)
    await assert.rejects(readFile(request.cix.path), { code: 'ENOENT' })
    const { signal } = controller
    await assert.rejects(indexer.indexCar(request, { signal }), { message: 'enough' })
  })

  it('calls off what is under way when it closes, and takes no more', async () => {
    const own = new Indexer({ threads: 1 })
    const request = await save(carV1([], numbered(20_000)))
    const jobs = [own.indexCar(request), own.indexCar(request)]
    const ended = Promise.allSettled(jobs)
    await own.close()
    const failed = (await ended).filter(({ status }) => status === 'rejected')
    assert.ok(failed.length > 0)
    assert.ok(failed.every(each => each.status === 'rejected' && each.reason.code === 'CLOSED'))
    await assert.rejects(own.indexCar(request), { code: 'CLOSED' })
    const left = await readdir(dir)
    assert.deepEqual(
      left.filter(name => name.endsWith('.tmp')),
      []
    )
  })

  it('sees header and sections of an empty CAR', async () => {
    const { report, reader } = await index(encodeHeader([]))
    assert.deepEqual([report.blocks, report.sections], [0, 0])
    assert.equal(reader.facts.blockCount, 0)
  })
})
