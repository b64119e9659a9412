import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { markRecordsMax, recordBytes } from '../../../src/dagstore/inbound/part-index.ts'
import { PartRecords } from '../../../src/dagstore/inbound/part-records.ts'

const section = { headLength: 38, dataLength: 62, flags: 0, codec: 0x55 }

describe('part-records', () => {
  it('finds each of 100,000 multihashes and none of those not added', () => {
    const records = new PartRecords()
    for (let number = 0; number < 100_000; number++) records.add(sha256Name(number), section)
    for (let number = 0; number < 100_000; number++) {
      assert.equal(records.find(sha256Name(number)), number)
    }
    for (let number = 100_000; number < 101_000; number++) {
      assert.equal(records.find(sha256Name(number)), undefined)
    }
    assert.equal(records.end, 100_000 * 100)
    assert.equal(records.dataBytes, 100_000 * 62)
    assert.deepEqual(records.location(99_999), { ...section, offset: 9_999_900, ordinal: 99_999 })
  })

  it('tells equal digests of different hash functions and lengths apart', () => {
    const records = new PartRecords()
    const digest = new Uint8Array(32).fill(7)
    const names = [
      { code: 0x12, digest },
      { code: 0xb220, digest },
      { code: 0x11, digest: digest.subarray(0, 20) },
      { code: 0x12, digest: digest.subarray(0, 20) },
      { code: 0x13, digest: new Uint8Array(64).fill(7) }
    ]
    for (const name of names) {
      assert.equal(records.find(name), undefined)
      records.add(name, section)
    }
    assert.deepEqual(
      names.map(name => records.find(name)),
      [0, 1, 2, 3, 4]
    )
  })

  it('is a map from multihash to ordinal, whatever is added in whatever order', () => {
    // Few values for the first bytes: chains and growing segments are part of the run.
    const digest = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 200 }))
    fc.assert(
      fc.property(fc.array(digest, { maxLength: 400 }), pairs => {
        const records = new PartRecords()
        const model = new Map<string, number>()
        for (const [first, last] of pairs) {
          const bytes = new Uint8Array(32)
          bytes[0] = first
          bytes[31] = last
          const key = `${first}:${last}`
          assert.equal(records.find({ code: 0x12, digest: bytes }), model.get(key))
          if (model.has(key)) continue
          model.set(key, records.add({ code: 0x12, digest: bytes }, section))
        }
        assert.equal(records.count, model.size)
      })
    )
  })

  it('gives runs that fit one mark and join without a gap', () => {
    const records = new PartRecords()
    const total = markRecordsMax + 10_000
    for (let number = 0; number < total; number++) records.add(sha256Name(number), section)
    const first = records.run(5, total)
    assert.equal(first.count, markRecordsMax)
    assert.equal(first.records.length, markRecordsMax * recordBytes)
    assert.equal(first.end, (5 + markRecordsMax) * 100)
    const second = records.run(5 + first.count, total)
    assert.equal(5 + first.count + second.count, total)
    assert.equal(second.end, records.end)
    const firstDigest = second.records.subarray(0, 32)
    assert.deepEqual(firstDigest, sha256Name(5 + markRecordsMax).digest)
  })
})

function sha256Name(number: number): { code: number; digest: Uint8Array } {
  const digest = new Uint8Array(32)
  const view = new DataView(digest.buffer)
  for (let at = 0; at < 32; at += 4) view.setUint32(at, Math.imul(number + 1, 0x9e3779b1 + at))
  return { code: 0x12, digest }
}
