import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CarReader } from '@ipld/car'
import * as fc from 'fast-check'
import type { Block } from '../../../src/block.ts'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import type { CarLimits } from '../../../src/dagstore/car/limits.ts'
import { readCarStream } from '../../../src/dagstore/car/stream.ts'
import { carV1, carV2, cidV0Block, identityBlock, rawBlock, sectionStarts } from './sample-cars.ts'

const blocks: Block[] = [
  rawBlock(Buffer.from('fish')),
  cidV0Block(Buffer.alloc(300, 1)),
  identityBlock(Buffer.from('lobster')),
  rawBlock(Buffer.alloc(0))
]
const root = blocks[0]!.cid

/** A source in pieces of `length` bytes that knows whether it was let go. */
class Pieces {
  closed = false
  read = 0
  readonly #bytes: Uint8Array
  readonly #length: number

  constructor(bytes: Uint8Array, length: number) {
    this.#bytes = bytes
    this.#length = length
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < this.#bytes.length; at += this.#length) {
        const piece = this.#bytes.subarray(at, at + this.#length)
        this.read += piece.length
        yield piece
      }
    } finally {
      this.closed = true
    }
  }
}

async function readAll(
  source: AsyncIterable<Uint8Array>,
  options: Partial<CarLimits> = {}
): Promise<{ roots: string[]; blocks: Block[] }> {
  const car = await readCarStream(source, { ...carLimitDefaults, ...options })
  return { roots: car.roots.map(String), blocks: await Array.fromAsync(car.blocks) }
}

const plain = (all: readonly Block[]): unknown =>
  all.map(({ cid, bytes }) => [cid.toString(), Buffer.from(bytes).toString('hex')])

describe('readCarStream', () => {
  const v1 = carV1([root], blocks)
  const cars = [
    { name: 'a CARv1', bytes: v1 },
    { name: 'a CARv2', bytes: carV2(v1) },
    {
      name: 'a padded CARv2 with an index',
      bytes: carV2(v1, { padding: 99, index: Buffer.alloc(99) })
    }
  ]
  for (const { name, bytes } of cars) {
    it(`reads ${name} whole, byte by byte and in pieces of any length`, async () => {
      for (const length of [bytes.length, 1, 2, 7, 64, 301]) {
        const read = await readAll(new Pieces(bytes, length))
        assert.deepEqual(read.roots, [root.toString()])
        assert.deepEqual(plain(read.blocks), plain(blocks))
      }
    })
  }

  it('reads what @ipld/car reads of the same bytes', async () => {
    for (const { bytes } of cars) {
      const reader = await CarReader.fromBytes(bytes)
      assert.deepEqual((await reader.getRoots()).map(String), [root.toString()])
      assert.deepEqual(plain(await Array.fromAsync(reader.blocks())), plain(blocks))
    }
  })

  it('finds every cut of a CARv1 but those between sections, at any length of piece', async () => {
    const starts = sectionStarts([root], blocks)
    for (const length of [1, v1.length]) {
      for (let cut = 0; cut < v1.length; cut++) {
        const reading = readAll(new Pieces(v1.subarray(0, cut), length))
        if (starts.includes(cut)) await reading
        else await assert.rejects(reading, { code: 'CAR_TRUNCATED' }, `cut ${cut}`)
      }
    }
  })

  it('finds every cut of a CARv2 up to the end of its payload', async () => {
    const bytes = carV2(v1, { padding: 3 })
    for (let cut = 0; cut < bytes.length; cut++) {
      const reading = readAll(new Pieces(bytes.subarray(0, cut), 16))
      await assert.rejects(reading, { code: 'CAR_TRUNCATED' }, `cut ${cut}`)
    }
  })

  it('finds a section that goes over the end of the payload of a CARv2', async () => {
    const bytes = carV2(v1, { index: Buffer.alloc(9) })
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(35, v1.length - 1, true)
    await assert.rejects(readAll(new Pieces(bytes, 50)), { code: 'CAR_TRUNCATED' })
  })

  it('closes its source at the end, after an error and when the loop is left', async () => {
    const whole = new Pieces(v1, 10)
    await readAll(whole)
    assert.ok(whole.closed)

    const noHeader = new Pieces(Buffer.alloc(100), 10)
    await assert.rejects(readAll(noHeader), { code: 'CAR_INVALID' })
    assert.ok(noHeader.closed)

    const torn = new Pieces(v1.subarray(0, v1.length - 1), 10)
    await assert.rejects(readAll(torn), { code: 'CAR_TRUNCATED' })
    assert.ok(torn.closed)

    const left = new Pieces(v1, 10)
    const car = await readCarStream(left, carLimitDefaults)
    for await (const block of car.blocks) {
      assert.equal(block.cid.toString(), root.toString())
      break
    }
    assert.ok(left.closed)
    assert.ok(left.read < v1.length)
  })

  it('reads no further than the payload of a CARv2', async () => {
    const source = new Pieces(carV2(v1, { index: Buffer.alloc(10_000) }), 10)
    await readAll(source)
    assert.ok(source.read < v1.length + 100)
  })

  it('passes on what its source throws', async () => {
    const failure = new Error('the pipe broke')
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield v1.subarray(0, 70)
      throw failure
    }
    const car = await readCarStream(source(), carLimitDefaults)
    await assert.rejects(Array.fromAsync(car.blocks), failure)
  })

  it('refuses a section or header over its limit before it reads it', async () => {
    const big = rawBlock(Buffer.alloc(100_000))
    const source = new Pieces(carV1([], [blocks[0]!, big]), 100)
    await assert.rejects(readAll(source, { sectionBytesMax: 100_035 }), { code: 'CAR_LIMIT' })
    assert.ok(source.read < 1000)
    const { blocks: read } = await readAll(new Pieces(carV1([], [big]), 100), {
      sectionBytesMax: 100_036
    })
    assert.equal(read.length, 1)

    const roots = Array.from({ length: 100 }, () => root)
    const headed = new Pieces(carV1(roots, []), 100)
    await assert.rejects(readAll(headed, { headerBytesMax: 1000 }), { code: 'CAR_LIMIT' })
    assert.ok(headed.read < 200)
  })

  it('ends at a zero length where that is allowed, and refuses it where not', async () => {
    const padded = Buffer.concat([v1, Buffer.alloc(1000)])
    const read = await readAll(new Pieces(padded, 33), { zeroLengthSectionAsEof: true })
    assert.equal(read.blocks.length, blocks.length)
    await assert.rejects(readAll(new Pieces(padded, 33)), { code: 'CAR_INVALID' })
  })

  it('ends on any bytes after a header, with blocks or a typed error', async () => {
    const tail = fc.array(fc.constantFrom(0, 1, 2, 0x12, 0x20, 0x55, 0x7f, 0x80, 0xff), {
      maxLength: 60
    })
    await fc.assert(
      fc.asyncProperty(tail, fc.integer({ min: 1, max: 20 }), async (bytes, length) => {
        const car = Buffer.concat([carV1([], []), Uint8Array.from(bytes)])
        try {
          await readAll(new Pieces(car, length))
        } catch (error) {
          assert.match((error as { code: string }).code, /^CAR_/)
        }
      }),
      { numRuns: 1000 }
    )
  })
})
