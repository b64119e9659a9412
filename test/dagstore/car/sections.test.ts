import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Block } from '../../../src/block.ts'
import { readLayout } from '../../../src/dagstore/car/header.ts'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import type { CarLimits } from '../../../src/dagstore/car/limits.ts'
import type { ReadAt } from '../../../src/dagstore/car/read-at.ts'
import { decodeSection, encodeSectionHead } from '../../../src/dagstore/car/section.ts'
import { readSection, SectionCursor } from '../../../src/dagstore/car/sections.ts'
import { carV1, carV2, cidV0Block, identityBlock, rawBlock, sectionStarts } from './sample-cars.ts'
import { bytesReadAt } from './scan-car.ts'

const noise = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 0xff)

const mixed: Block[] = [
  rawBlock(noise(0)),
  cidV0Block(noise(90)),
  identityBlock(noise(12)),
  rawBlock(noise(130)),
  rawBlock(noise(130)),
  identityBlock(noise(0))
]

function cursorOver(
  bytes: Uint8Array,
  options: Partial<CarLimits> = {},
  readAt: ReadAt = bytesReadAt(bytes)
): SectionCursor {
  const limits = { ...carLimitDefaults, ...options }
  return new SectionCursor(readAt, readLayout(readAt, bytes.length, limits), limits)
}

/** The blocks that a cursor points at, taken from `payload`. */
function blocksOf(cursor: SectionCursor, payload: Uint8Array): Block[] {
  const blocks: Block[] = []
  while (cursor.next()) {
    const cid = CID.decode(cursor.cidBytes().slice())
    const { version, code, multihash } = cid
    const { cidVersion, codec, hashCode, digestLength } = cursor
    const fields = { cidVersion, codec, hashCode, digestLength }
    const { code: expectedHash, size } = multihash
    assert.deepEqual(fields, {
      cidVersion: version,
      codec: code,
      hashCode: expectedHash,
      digestLength: size
    })
    assert.deepEqual(cursor.digest().slice(), multihash.digest)
    const copy = new Uint8Array(size + 3)
    cursor.copyDigest(copy, 2)
    assert.deepEqual(
      copy,
      new Uint8Array(Buffer.concat([Buffer.alloc(2), multihash.digest, Buffer.alloc(1)]))
    )
    const start = cursor.offset + cursor.headLength
    blocks.push({ cid, bytes: payload.subarray(start, start + cursor.dataLength) })
  }
  return blocks
}

function assertSame(actual: readonly Block[], expected: readonly Block[]): void {
  const plain = (blocks: readonly Block[]): unknown =>
    blocks.map(({ cid, bytes }) => [cid.toString(), Buffer.from(bytes).toString('hex')])
  assert.deepEqual(plain(actual), plain(expected))
}

describe('SectionCursor', () => {
  it('goes over sections of all kinds, in a CARv1 and in a padded CARv2', () => {
    const payload = carV1([mixed[0]!.cid], mixed)
    assertSame(blocksOf(cursorOver(payload), payload), mixed)
    const wrapped = carV2(payload, { padding: 77, index: noise(40) })
    assertSame(blocksOf(cursorOver(wrapped), payload), mixed)
  })

  it('gives offsets relative to the payload', () => {
    const payload = carV1([], mixed)
    const cursor = cursorOver(carV2(payload))
    const offsets: number[] = []
    while (cursor.next()) offsets.push(cursor.offset)
    assert.deepEqual(offsets, sectionStarts([], mixed).slice(0, -1))
  })

  it('goes over any blocks: what was encoded comes out', () => {
    const block = fc
      .tuple(
        fc.constantFrom(rawBlock, cidV0Block, identityBlock),
        fc.uint8Array({ maxLength: 300 })
      )
      .map(([make, bytes]) => make(bytes))
    fc.assert(
      fc.property(fc.array(block, { maxLength: 40 }), blocks => {
        const payload = carV1([], blocks)
        assertSame(blocksOf(cursorOver(payload), payload), blocks)
      })
    )
  })

  it('crosses its read-ahead windows, whatever the sizes of the blocks', () => {
    const sizes = [10, 3000, 20_000, 5, 4096, 300_000, 1, 16_384, 60_000]
    const blocks = Array.from({ length: 288 }, (_, at) =>
      rawBlock(noise(sizes[(at >> 4) % 9]!, at))
    )
    const payload = carV1([], blocks)
    const cursor = cursorOver(payload)
    let count = 0
    while (cursor.next()) {
      assert.deepEqual(cursor.cidBytes().slice(), blocks[count]!.cid.bytes)
      assert.equal(cursor.dataLength, blocks[count]!.bytes.length)
      count += 1
    }
    assert.equal(count, blocks.length)
  })

  it('reads little of large blocks and few times for small ones', () => {
    const cases = [
      { size: 100, count: 20_000, readsMax: 30, bytesMax: 3_000_000 },
      { size: 100_000, count: 100, readsMax: 105, bytesMax: 500_000 }
    ]
    for (const { size, count, readsMax, bytesMax } of cases) {
      const bytes = carV1(
        [],
        Array.from({ length: count }, (_, at) => rawBlock(noise(size, at)))
      )
      const whole = bytesReadAt(bytes)
      let reads = 0
      let read = 0
      const counting: ReadAt = (target, position) => {
        reads += 1
        read += target.length
        return whole(target, position)
      }
      const cursor = cursorOver(bytes, {}, counting)
      while (cursor.next());
      assert.ok(reads <= readsMax, `${reads} reads of ${size}-byte blocks`)
      assert.ok(read <= bytesMax, `${read} bytes read of ${size}-byte blocks`)
    }
  })

  it('finds every cut inside a section, and only those', () => {
    const whole = carV1([], mixed)
    const starts = sectionStarts([], mixed)
    for (let cut = starts[0]!; cut <= whole.length; cut++) {
      const cursor = cursorOver(whole.subarray(0, cut))
      const scan = (): void => {
        while (cursor.next());
      }
      if (starts.includes(cut)) scan()
      else assert.throws(scan, { code: 'CAR_TRUNCATED' }, `cut at ${cut}`)
    }
  })

  it('throws the same error again when it is asked again', () => {
    const bytes = carV1([], mixed)
    const cursor = cursorOver(bytes.subarray(0, bytes.length - 1))
    for (let at = 1; at < mixed.length; at++) assert.ok(cursor.next())
    for (let again = 0; again < 2; again++) {
      assert.throws(() => cursor.next(), { code: 'CAR_TRUNCATED' })
    }
  })

  it('finds a file that became shorter while it was scanned', () => {
    const bytes = carV1(
      [],
      Array.from({ length: 200 }, (_, at) => rawBlock(noise(1000, at)))
    )
    let size = bytes.length
    const cursor = cursorOver(bytes, {}, (target, position) =>
      bytesReadAt(bytes.subarray(0, size))(target, position)
    )
    assert.ok(cursor.next())
    size = 100_000
    const scan = (): void => {
      while (cursor.next());
    }
    assert.throws(scan, { code: 'CAR_TRUNCATED' })
  })

  it('ends at a zero length where that is allowed, and refuses it where not', () => {
    const bytes = Buffer.concat([carV1([], mixed), new Uint8Array(9), noise(5)])
    const cursor = cursorOver(bytes, { zeroLengthSectionAsEof: true })
    let count = 0
    while (cursor.next()) count += 1
    assert.equal(count, mixed.length)
    assert.equal(cursor.next(), false)
    assert.throws(() => blocksOf(cursorOver(bytes), bytes), { code: 'CAR_INVALID' })
  })

  it('takes a section at its limit and none of a byte more', () => {
    const bytes = carV1([], [rawBlock(noise(64))])
    assert.ok(cursorOver(bytes, { sectionBytesMax: 100 }).next())
    assert.throws(() => cursorOver(bytes, { sectionBytesMax: 99 }).next(), { code: 'CAR_LIMIT' })
  })

  it('takes a CID at its limit and none of a byte more', () => {
    for (const length of [100, 5000, 300_000]) {
      const block = identityBlock(noise(length))
      const bytes = carV1([], [rawBlock(noise(9)), block, rawBlock(noise(9))])
      const cidBytesMax = block.cid.bytes.length
      assert.equal(blocksOf(cursorOver(bytes, { cidBytesMax }), bytes).length, 3)
      const tooLong = cursorOver(bytes, { cidBytesMax: cidBytesMax - 1 })
      assert.ok(tooLong.next())
      assert.throws(() => tooLong.next(), { code: 'CAR_LIMIT' })
    }
  })

  it('answers any bytes after a header with sections or a typed error, and ends', () => {
    const tail = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.constantFrom(0, 1, 2, 0x12, 0x20, 0x55, 0x7f, 0x80, 0xff), { maxLength: 60 })
    )
    fc.assert(
      fc.property(tail, bytes => {
        const payload = Buffer.concat([carV1([], []), Uint8Array.from(bytes)])
        const cursor = cursorOver(payload)
        try {
          let end = 18
          while (cursor.next()) {
            assert.equal(cursor.offset, end)
            end += cursor.headLength + cursor.dataLength
          }
          assert.equal(end, payload.length)
        } catch (error) {
          assert.match((error as { code: string }).code, /^CAR_/)
        }
      }),
      { numRuns: 3000 }
    )
  })
})

describe('readSection', () => {
  it('reads each block at the offset that the cursor gave', () => {
    const payload = carV1([], mixed)
    const bytes = carV2(payload, { padding: 3 })
    const readAt = bytesReadAt(bytes)
    const span = readLayout(readAt, bytes.length, carLimitDefaults)
    const starts = sectionStarts([], mixed).slice(0, -1)
    const blocks = starts.map(offset =>
      readSection(readAt, { span, offset, limits: carLimitDefaults })
    )
    assertSame(blocks, mixed)
    const atEnd = { span, offset: payload.length, limits: carLimitDefaults }
    assert.throws(() => readSection(readAt, atEnd), { code: 'CAR_TRUNCATED' })
  })
})

describe('decodeSection', () => {
  it('reads the bytes of one section, and fails on any fewer', () => {
    for (const block of mixed) {
      const head = encodeSectionHead(block.cid, block.bytes.length)
      const section = Buffer.concat([head, block.bytes])
      const place = { position: 0, limits: carLimitDefaults }
      assertSame([decodeSection(section, place)], [block])
      for (let cut = 0; cut < section.length; cut++) {
        const decoding = (): Block => decodeSection(section.subarray(0, cut), place)
        assert.throws(decoding, { code: 'CAR_TRUNCATED' })
      }
    }
  })

  it('refuses a digest of sha2-256 whose length does not fit its CID', () => {
    const cid = CID.createV1(0x55, create(0x12, noise(32)))
    const section = Buffer.concat([encodeSectionHead(cid, 0)])
    section[4] = 33
    const decoding = (): Block => decodeSection(section, { position: 0, limits: carLimitDefaults })
    assert.throws(decoding, { code: 'CAR_INVALID', message: /section length shorter than CID/ })
  })
})
