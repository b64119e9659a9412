import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { fingerprinter } from '../../../src/dagstore/lookup/fingerprint.ts'
import { FingerprintTable } from '../../../src/dagstore/lookup/table.ts'

function find(table: FingerprintTable, fingerprint: number): number[] {
  const seqs: number[] = []
  table.find(fingerprint, seq => seqs.push(seq))
  return seqs.sort((a, b) => a - b)
}

describe('FingerprintTable', () => {
  it('holds what a map of sets holds', () => {
    const fingerprint = fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 0, max: 2 ** 35 - 1 }))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fingerprint, fc.nat({ max: 30 })), { maxLength: 200 }),
        pairs => {
          const table = new FingerprintTable()
          const model = new Map<number, Set<number>>()
          for (const [key, seq] of pairs) {
            table.add(key, seq)
            model.set(key, (model.get(key) ?? new Set()).add(seq))
          }
          for (const [key, seqs] of model) {
            assert.deepEqual(
              find(table, key),
              [...seqs].sort((a, b) => a - b)
            )
          }
          assert.equal(
            table.count,
            [...model.values()].reduce((sum, { size }) => sum + size, 0)
          )
        }
      )
    )
  })

  it('grows, and gives out all of it', () => {
    const table = new FingerprintTable()
    for (let at = 0; at < 20_000; at++) table.add((at * 1_717_171) % 2 ** 35, at % 3)
    const { fingerprints, seqs } = table.postings(seq => seq !== 1)
    assert.equal(fingerprints.length, seqs.length)
    assert.equal(new Set(fingerprints).size, fingerprints.length)
    assert.ok(seqs.every(seq => seq !== 1))
    for (const [at, fingerprint] of fingerprints.entries()) {
      assert.deepEqual(find(table, fingerprint), [seqs[at]])
    }
  })

  it('keeps the 32 highest seqs of one fingerprint, in whatever order they come', () => {
    const up = new FingerprintTable()
    const down = new FingerprintTable()
    for (let seq = 0; seq < 33; seq++) {
      up.add(9, seq)
      down.add(9, 32 - seq)
    }
    const highest = Array.from({ length: 32 }, (_, at) => at + 1)
    assert.deepEqual(find(up, 9), highest)
    assert.deepEqual(find(down, 9), highest)
    assert.equal(up.count, 32)
  })
})

describe('fingerprinter', () => {
  const digest = (at: number): Buffer => {
    const bytes = Buffer.alloc(32)
    bytes.writeUInt32LE(at, 0)
    return bytes
  }

  it('spreads neighbouring digests evenly over 35 bits', () => {
    const fingerprint = fingerprinter(Buffer.alloc(16, 1))
    const buckets = new Uint32Array(64)
    for (let at = 0; at < 64_000; at++) {
      const value = fingerprint(0x12, digest(at), 0, 32)
      assert.ok(Number.isInteger(value) && value >= 0 && value < 2 ** 35)
      buckets[Math.floor(value / 2 ** 29)]! += 1
    }
    assert.ok(
      buckets.every(count => count > 850 && count < 1150),
      String(buckets)
    )
    const lows = new Set(
      Array.from({ length: 1000 }, (_, at) => fingerprint(0x12, digest(at), 0, 32) % 8)
    )
    assert.equal(lows.size, 8)
  })

  it('depends on the secret, on the hash function and on the first 8 bytes', () => {
    const bytes = digest(1)
    const base = fingerprinter(Buffer.alloc(16, 1))(0x12, bytes, 0, 32)
    for (let at = 0; at < 16; at++) {
      const secret = Buffer.alloc(16, 1)
      secret[at] = 2
      assert.notEqual(fingerprinter(secret)(0x12, bytes, 0, 32), base, `secret byte ${at}`)
    }
    assert.notEqual(fingerprinter(Buffer.alloc(16, 1))(0x13, bytes, 0, 32), base)
    for (let at = 0; at < 32; at++) {
      const other = Buffer.from(bytes)
      other[at]! ^= 0x80
      const same = fingerprinter(Buffer.alloc(16, 1))(0x12, other, 0, 32) === base
      assert.equal(same, at >= 8, `digest byte ${at}`)
    }
  })

  it('pads a short digest with zeros and does not read past it', () => {
    const fingerprint = fingerprinter(Buffer.alloc(16, 3))
    const short = Buffer.from([1, 2, 3])
    const padded = Buffer.from([1, 2, 3, 0, 0, 0, 0, 0, 0])
    assert.equal(
      fingerprint(0x12, Buffer.from([9, 1, 2, 3, 9]), 1, 3),
      fingerprint(0x12, short, 0, 3)
    )
    assert.equal(fingerprint(0x12, padded, 0, 8), fingerprint(0x12, short, 0, 3))
  })
})
