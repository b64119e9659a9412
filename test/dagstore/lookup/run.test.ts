import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { Postings } from '../../../src/dagstore/lookup/postings.ts'
import { shapeOf } from '../../../src/dagstore/lookup/run-format.ts'
import { encodeRun } from '../../../src/dagstore/lookup/run-write.ts'
import { Run } from '../../../src/dagstore/lookup/run.ts'

function postingsOf(pairs: readonly (readonly [fingerprint: number, seq: number])[]): Postings {
  return {
    fingerprints: Float64Array.from(pairs, ([fingerprint]) => fingerprint),
    seqs: Float64Array.from(pairs, ([, seq]) => seq)
  }
}

function find(run: Run, fingerprint: number): number[] {
  const seqs: number[] = []
  run.find(fingerprint, seq => seqs.push(seq))
  return seqs
}

/** `count` keys over all fingerprints, of seqs `lo` to `hi`. */
function spread(count: number, lo: number, hi: number): Postings {
  const step = 2 ** 35 / count
  return postingsOf(
    Array.from({ length: count }, (_, at) => [
      Math.floor(at * step),
      lo + (at === 0 ? 0 : at === 1 ? hi - lo : (at * 7919) % (hi - lo + 1))
    ])
  )
}

describe('Run', () => {
  it('finds all seqs of every fingerprint, ascending', () => {
    const fingerprint = fc.oneof(
      fc.nat({ max: 5 }),
      fc.integer({ min: 2 ** 35 - 5, max: 2 ** 35 - 1 })
    )
    const seq = fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: 2 ** 32 - 9, max: 2 ** 32 - 2 }))
    fc.assert(
      fc.property(fc.array(fc.tuple(fingerprint, seq), { minLength: 1, maxLength: 60 }), pairs => {
        const run = new Run(encodeRun(postingsOf(pairs)))
        for (const [wanted] of pairs) {
          const seqs = pairs.filter(([each]) => each === wanted).map(([, each]) => each)
          assert.deepEqual(
            find(run, wanted),
            seqs.sort((a, b) => a - b)
          )
        }
        assert.deepEqual(find(run, 77), [])
        assert.equal(run.count, pairs.length)
      })
    )
  })

  it('spends 3 bytes a key on one shard of a million, 4 on a hundred thousand shards', () => {
    const one = shapeOf({ lo: 5, hi: 5, count: 1_000_000 })
    assert.deepEqual([one.bucketBits, one.seqBits, one.entryBytes], [11, 0, 3])
    const many = shapeOf({ lo: 1, hi: 100_000, count: 100_000_000 })
    assert.deepEqual([many.bucketBits, many.seqBits, many.entryBytes], [20, 17, 4])
  })

  it('keeps what a larger run holds', () => {
    const postings = spread(50_000, 1000, 90_000)
    const run = new Run(encodeRun(postings))
    for (const [at, fingerprint] of postings.fingerprints.entries()) {
      assert.deepEqual(find(run, fingerprint), [postings.seqs[at]])
    }
    assert.deepEqual([run.lo, run.hi], [1000, 90_000])
  })

  it('is refused when cut at any byte or any byte is changed', () => {
    const bytes = encodeRun(spread(40, 3, 9))
    for (let at = 0; at < bytes.length; at++) {
      assert.throws(() => new Run(bytes.subarray(0, at)), { code: 'INDEX_CORRUPT' })
      const changed = Buffer.from(bytes)
      changed[at]! ^= 16
      assert.throws(() => new Run(changed), { code: /^INDEX_/ }, `byte ${at}`)
    }
  })

  it('checks entries past the first 64 KiB', () => {
    const bytes = encodeRun(spread(60_000, 1, 1))
    assert.equal(new Run(bytes).count, 60_000)
    bytes[bytes.length - 100]! ^= 1
    assert.throws(() => new Run(bytes), { code: 'INDEX_CORRUPT' })
  })
})
