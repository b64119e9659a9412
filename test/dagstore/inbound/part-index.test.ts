import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  encodeMark,
  markRecordsMax,
  readMarks,
  recordBytes
} from '../../../src/dagstore/inbound/part-index.ts'
import type { PartMark } from '../../../src/dagstore/inbound/part-index.ts'
import { flagsOf, PartRecords } from '../../../src/dagstore/inbound/part-records.ts'
import { sampleBlock } from './sample-blocks.ts'

describe('part-index', () => {
  it('gives back the marks that were written, with their records and ends', () => {
    const { journal, ends } = sampleJournal([1, 3, 2])
    const marks = marksOf(journal)
    assert.deepEqual(
      marks.map(mark => mark.records.length / recordBytes),
      [1, 3, 2]
    )
    assert.deepEqual(
      marks.map(mark => mark.end),
      ends
    )
    assert.equal(marks.at(-1)?.markEnd, journal.length)
  })

  it('lays a mark out as count, end, records and CRC-32, little-endian', () => {
    const { journal } = sampleJournal([2])
    const view = Buffer.from(journal)
    assert.equal(view.readUInt32LE(0), 2)
    assert.equal(view.readBigUInt64LE(4), 2n * 101n)
    assert.deepEqual(view.subarray(12, 44), Buffer.from(sampleBlock(0).cid.multihash.digest))
    assert.equal(view.readBigUInt64LE(12 + 56 + 32), 101n, 'offset of the second record')
    assert.equal(view.length, 12 + 2 * 56 + 4)
  })

  it('stops at the last whole mark of a journal cut at any byte', () => {
    const { journal, markEnds } = sampleJournal([1, 2, 1])
    for (let size = 0; size <= journal.length; size++) {
      const whole = markEnds.filter(end => end <= size).length
      assert.equal(marksOf(journal.subarray(0, size)).length, whole, `cut at ${size}`)
    }
  })

  it('stops before the mark in which any byte is flipped', () => {
    const { journal, markEnds } = sampleJournal([1, 2, 1])
    for (let at = 0; at < journal.length; at++) {
      const flipped = Uint8Array.from(journal)
      flipped[at]! ^= 0x10
      const before = markEnds.filter(end => end <= at).length
      assert.equal(marksOf(flipped).length, before, `flipped at ${at}`)
    }
  })

  it('does not use a mark that leaves a gap after the one before', () => {
    const { journal, markEnds } = sampleJournal([1, 1, 1])
    const [first = 0, second = 0] = markEnds
    const gap = Buffer.concat([journal.subarray(0, first), journal.subarray(second)])
    assert.equal(marksOf(gap).length, 1)
  })

  it('refuses a count over the bound before it makes room for the records', () => {
    const head = new Uint8Array(12)
    new DataView(head.buffer).setUint32(0, markRecordsMax + 1, true)
    let asked = 0
    const readAt = (target: Uint8Array): number => {
      asked = Math.max(asked, target.length)
      target.set(head.subarray(0, target.length))
      return target.length
    }
    assert.deepEqual([...readMarks(readAt, 2 ** 40)], [])
    assert.equal(asked, 12)
  })

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        assert.ok(marksOf(bytes).length >= 0)
      })
    )
  })
})

function marksOf(journal: Uint8Array): PartMark[] {
  const readAt = (target: Uint8Array, position: number): number => {
    const piece = journal.subarray(position, position + target.length)
    target.set(piece)
    return piece.length
  }
  return [...readMarks(readAt, journal.length)]
}

/** A journal whose marks cover as many sections of 101 bytes as `counts` says. */
function sampleJournal(counts: number[]): {
  journal: Uint8Array
  ends: number[]
  markEnds: number[]
} {
  const records = new PartRecords()
  const marks: Uint8Array[] = []
  const ends: number[] = []
  const markEnds: number[] = []
  for (const count of counts) {
    const from = records.count
    for (let done = 0; done < count; done++) {
      const { cid, bytes } = sampleBlock(records.count)
      const section = { headLength: 37, dataLength: bytes.length }
      records.add(cid.multihash, { ...section, flags: flagsOf(cid), codec: cid.code })
    }
    const run = records.run(from, records.count)
    marks.push(encodeMark(run.end, run.records))
    ends.push(run.end)
    markEnds.push(Buffer.concat(marks).length)
  }
  return { journal: Buffer.concat(marks), ends, markEnds }
}
