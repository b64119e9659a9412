import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import type { CarLimits } from '../../../src/dagstore/car/limits.ts'
import { encodeMultihashIndex } from '../../../src/dagstore/car/multihash-index.ts'
import type { MultihashIndexBucket } from '../../../src/dagstore/car/multihash-index.ts'
import { readBucket, readMultihashIndex } from '../../../src/dagstore/car/multihash-index-reader.ts'
import type { IndexDirectory } from '../../../src/dagstore/car/multihash-index-reader.ts'
import { fixtures, skip } from './fixtures.ts'
import { bytesReadAt } from './scan-car.ts'

/** Worked example of specs.md 1.3. */
const digest = '01d448afd928065458cf670b60f5a594d735af0172c8d67f22a81680132681ca'
const oneBlock = `8108 01000000 1200000000000000 01000000 28000000 2800000000000000 ${digest} 1200000000000000`

const fromHex = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex')

const encode = (buckets: readonly MultihashIndexBucket[]): Buffer =>
  Buffer.concat([...encodeMultihashIndex(buckets)])

const directoryOf = (bytes: Uint8Array, options: Partial<CarLimits> = {}): IndexDirectory => {
  const limits = { ...carLimitDefaults, ...options }
  return readMultihashIndex(bytesReadAt(bytes), { start: 0, end: bytes.length, limits })
}

/** The index again, from what the reader says of it; an IndexSorted gets `hashCode`. */
const bucketsOf = (bytes: Uint8Array): MultihashIndexBucket[] =>
  directoryOf(bytes).buckets.map(bucket => ({
    hashCode: bucket.hashCode ?? 0,
    digestLength: bucket.digestLength,
    count: bucket.count,
    entries: readBucket(bytesReadAt(bytes), bucket)
  }))

/** With entries that can be compared. */
const listed = ({ entries, ...bucket }: MultihashIndexBucket): MultihashIndexBucket => ({
  ...bucket,
  entries: Array.from(entries, ({ digest: key, offset }) => ({
    digest: Uint8Array.from(key),
    offset
  }))
})

const fixture = (name: string): Uint8Array => readFileSync(join(fixtures, 'go-car', name))

describe('encodeMultihashIndex', () => {
  it('writes the worked example of specs.md 1.3', () => {
    const entries = [{ digest: fromHex(digest), offset: 0x12 }]
    const bytes = encode([{ hashCode: 0x12, digestLength: 32, count: 1, entries }])
    assert.equal(bytes.toString('hex'), oneBlock.replaceAll(' ', ''))
  })

  it('writes an index without entries', () => {
    assert.equal(encode([]).toString('hex'), '810800000000')
    assert.deepEqual(directoryOf(encode([])), { codec: 0x0401, buckets: [] })
  })

  it('writes again what go-car wrote, byte for byte', { skip }, () => {
    const bytes = fixture('sample-multihash-index-sorted.carindex')
    assert.equal(Buffer.compare(encode(bucketsOf(bytes)), bytes), 0)
  })

  it('fails when a bucket is given another number of entries than it says', () => {
    const entries = [{ digest: fromHex(digest), offset: 1 }]
    const encoding = (): Buffer => encode([{ hashCode: 0x12, digestLength: 32, count: 2, entries }])
    assert.throws(encoding, /bucket of 2 entries was given 1/)
  })

  it('keeps offsets beyond 4 GiB, and yields chunks of bounded size', () => {
    const count = 5000
    const digests = Array.from({ length: count }, (_, at) =>
      createHash('sha256').update(`${at}`).digest()
    ).toSorted((a, b) => Buffer.compare(a, b))
    const entries = digests.map((key, at) => ({
      digest: key,
      offset: 2 ** 40 + at * 0x1_0000_0001
    }))
    const bucket = { hashCode: 0x12, digestLength: 32, count, entries }
    const chunks = [...encodeMultihashIndex([bucket])]
    assert.ok(chunks.every(({ length }) => length <= 65_536))
    const [read] = bucketsOf(Buffer.concat(chunks))
    assert.deepEqual(
      [...read!.entries].map(({ offset }) => offset),
      entries.map(({ offset }) => offset)
    )
  })

  it('writes what the reader reads, for any buckets', () => {
    const bucket = fc.record({
      hashCode: fc.integer({ min: 0, max: 2 ** 40 }),
      digestLength: fc.integer({ min: 0, max: 70 }),
      offsets: fc.array(fc.nat(), { minLength: 1, maxLength: 20 })
    })
    const buckets = fc.uniqueArray(bucket, {
      maxLength: 12,
      selector: ({ hashCode, digestLength }) => `${hashCode} ${digestLength}`
    })
    fc.assert(
      fc.property(buckets, unsorted => {
        const expected = unsorted
          .toSorted((a, b) => a.hashCode - b.hashCode || a.digestLength - b.digestLength)
          .map(({ hashCode, digestLength, offsets }) => ({
            hashCode,
            digestLength,
            count: offsets.length,
            entries: offsets.map((offset, at) => ({
              digest: new Uint8Array(digestLength).fill(at),
              offset
            }))
          }))
        const read = bucketsOf(encode(expected)).map(found => listed(found))
        assert.deepEqual(read, expected)
      })
    )
  })
})

describe('readMultihashIndex', () => {
  it('reads the older IndexSorted of go-car', { skip }, () => {
    const bytes = fixture('sample-index.carindex')
    const { codec, buckets } = directoryOf(bytes)
    assert.equal(codec, 0x0400)
    const shape = buckets.map(({ hashCode, digestLength, count }) => [
      hashCode,
      digestLength,
      count
    ])
    assert.deepEqual(shape, [
      [undefined, 10, 2],
      [undefined, 11, 2],
      [undefined, 12, 1],
      [undefined, 13, 1],
      [undefined, 32, 1043]
    ])
    const [first] = readBucket(bytesReadAt(bytes), buckets[0]!)
    assert.equal(Buffer.from(first!.digest).toString(), 'fil/1/cron')
    assert.equal(first!.offset, 125_263)
  })

  it('reads one bucket of blake2b-256 in the MultihashIndexSorted of go-car', { skip }, () => {
    const { codec, buckets } = directoryOf(fixture('sample-multihash-index-sorted.carindex'))
    assert.equal(codec, 0x0401)
    const shape = buckets.map(({ hashCode, digestLength, count }) => [
      hashCode,
      digestLength,
      count
    ])
    assert.deepEqual(shape, [[0xb220, 32, 1043]])
  })

  const broken = [
    {
      name: 'BadIndexCountOverflow',
      hex: '8108 ffffffff 1200000000000000 01000000 28000000',
      message: /MultihashIndexSorted count is overflowing int32/
    },
    {
      name: 'BadIndexCountTooMany',
      hex: '8108 ffffff7f 1200000000000000',
      message: /unexpected end/
    },
    {
      name: 'BadIndexMultiWidthOverflow',
      hex: '8108 01000000 1200000000000000 ffffffff 28000000',
      message: /multiWidthIndex count is overflowing int32/
    },
    {
      name: 'BadIndexMultiWidthTooMany',
      hex: '8108 01000000 1200000000000000 ffffff7f 28000000 2800000000000000',
      message: /unexpected end/
    },
    {
      name: 'a width under 8',
      hex: '8008 01000000 07000000 0700000000000000 01020304050607',
      message: /width must be at least 8/
    },
    {
      name: 'entries that are not a multiple of their width',
      hex: '8008 01000000 09000000 0a00000000000000 0102030405060708090a',
      message: /10 bytes of entries of 9/
    },
    {
      name: 'entries of a negative length',
      hex: '8008 01000000 09000000 f7ffffffffffffff',
      message: /over 2\^53/
    },
    { name: 'a codec in long form', hex: '818800 00000000', message: /malformed codec/ }
  ]
  for (const { name, hex, message } of broken) {
    it(`refuses ${name}`, () => {
      assert.throws(() => directoryOf(fromHex(hex)), { code: 'INDEX_CORRUPT', message })
    })
  }

  it('refuses the malformed vectors as they stand in a whole index', () => {
    const whole = oneBlock.replaceAll(' ', '')
    for (const [from, to] of [
      ['810801000000', '8108ffffffff'],
      ['810801000000', '8108ffffff7f'],
      ['000001000000', '0000ffffffff'],
      ['000001000000', '0000ffffff7f']
    ] as const) {
      assert.ok(whole.includes(from))
      assert.throws(() => directoryOf(fromHex(whole.replace(from, to))), { code: 'INDEX_CORRUPT' })
    }
  })

  it('finds an index that is cut short at any byte', () => {
    const whole = fromHex(oneBlock)
    for (let cut = 0; cut < whole.length; cut++) {
      const reading = (): IndexDirectory => directoryOf(whole.subarray(0, cut))
      assert.throws(reading, { code: 'INDEX_CORRUPT' }, `cut ${cut}`)
    }
  })

  it('does not know another codec, the one without varint of old files included', () => {
    assert.throws(() => directoryOf(fromHex('c38cc001 00')), { code: 'INDEX_UNSUPPORTED' })
    assert.throws(() => directoryOf(fromHex('01000000 28000000')), { code: 'INDEX_UNSUPPORTED' })
  })

  it('takes entries and buckets at their limits and none over them', () => {
    const buckets = [4, 5, 6].map(digestLength => ({
      hashCode: 0x12,
      digestLength,
      count: 1,
      entries: [{ digest: new Uint8Array(digestLength), offset: 0 }]
    }))
    const bytes = encode(buckets)
    assert.equal(
      directoryOf(bytes, { indexBucketsMax: 3, indexEntryBytesMax: 14 }).buckets.length,
      3
    )
    const over = { code: 'LIMIT_EXCEEDED' }
    assert.throws(() => directoryOf(bytes, { indexBucketsMax: 2 }), over)
    assert.throws(() => directoryOf(bytes, { indexEntryBytesMax: 13 }), over)
  })

  it('answers any bytes with a directory inside them or a typed error', () => {
    const bytesAfter = fc.uint8Array({ maxLength: 120 })
    const codec = fc.constantFrom('8008', '8108')
    fc.assert(
      fc.property(codec, bytesAfter, (start, rest) => {
        const bytes = Buffer.concat([fromHex(start), Uint8Array.from(rest)])
        try {
          for (const { position, count, digestLength } of directoryOf(bytes).buckets) {
            assert.ok(position + count * (digestLength + 8) <= bytes.length)
          }
        } catch (error) {
          assert.match((error as { code: string }).code, /^(INDEX_CORRUPT|LIMIT_EXCEEDED)$/)
        }
      }),
      { numRuns: 3000 }
    )
  })
})
