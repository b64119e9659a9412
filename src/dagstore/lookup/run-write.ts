import { crc32 } from 'node:zlib'
import type { Postings } from './postings.ts'
import {
  checkedBytes,
  entriesStart,
  headCrc,
  restRange,
  runBytes,
  runCrcAt,
  runHeaderBytes,
  runMagic,
  type RunShape,
  runVersion,
  shapeOf
} from './run-format.ts'

/** A run of at least one posting. Takes 0.1 s a million: for workers. */
export function encodeRun({ fingerprints, seqs }: Postings): Buffer {
  const { lo, hi } = rangeOf(seqs)
  const shape = shapeOf({ lo, hi, count: fingerprints.length })
  const fence = fenceOf(fingerprints, shape)
  const entries = sortedEntries({ fingerprints, seqs }, shape, fence)

  const run = Buffer.alloc(runBytes(shape))
  run.writeUInt32LE(runMagic, 0)
  run.writeUInt16LE(runVersion, 4)
  run.writeUInt8(shape.bucketBits, 6)
  run.writeUInt8(shape.seqBits, 7)
  run.writeUInt8(shape.entryBytes, 8)
  run.writeBigUInt64LE(BigInt(lo), 16)
  run.writeBigUInt64LE(BigInt(hi), 24)
  run.writeBigUInt64LE(BigInt(shape.count), 32)
  fence.forEach((before, bucket) => run.writeUInt32LE(before, runHeaderBytes + 4 * bucket))
  run.writeUInt32LE(headCrc(run, shape), runCrcAt)
  writeEntries(run, entries, shape)
  return run
}

function rangeOf(seqs: Float64Array): { lo: number; hi: number } {
  let [lo, hi] = [Number.POSITIVE_INFINITY, 0]
  for (const seq of seqs) {
    lo = Math.min(lo, seq)
    hi = Math.max(hi, seq)
  }
  return { lo, hi }
}

/** Entries before each bucket, and at the end all of them. */
function fenceOf(fingerprints: Float64Array, shape: RunShape): Uint32Array {
  const range = restRange(shape)
  const fence = new Uint32Array(2 ** shape.bucketBits + 1)
  for (const fingerprint of fingerprints) fence[Math.floor(fingerprint / range) + 1]! += 1
  for (let bucket = 1; bucket < fence.length; bucket++) fence[bucket]! += fence[bucket - 1]!
  return fence
}

/** The entries as numbers, bucket by bucket, ascending in each. */
function sortedEntries(
  { fingerprints, seqs }: Postings,
  shape: RunShape,
  fence: Uint32Array
): Float64Array {
  const range = restRange(shape)
  const seqRange = 2 ** shape.seqBits
  const places = fence.slice()
  const entries = new Float64Array(shape.count)
  for (let at = 0; at < entries.length; at++) {
    const fingerprint = fingerprints[at]!
    const place = places[Math.floor(fingerprint / range)]!++
    entries[place] = (fingerprint % range) * seqRange + (seqs[at]! - shape.lo)
  }
  for (let bucket = 1; bucket < fence.length; bucket++) {
    entries.subarray(fence[bucket - 1], fence[bucket]).sort()
  }
  return entries
}

function writeEntries(run: Buffer, entries: Float64Array, shape: RunShape): void {
  const start = entriesStart(shape)
  let position = start
  for (const entry of entries) {
    let left = entry
    for (let byte = 0; byte < shape.entryBytes; byte++) {
      run[position++] = left % 256
      left = Math.floor(left / 256)
    }
  }
  const end = position
  for (let from = start; from < end; from += checkedBytes) {
    position = run.writeUInt32LE(
      crc32(run.subarray(from, Math.min(from + checkedBytes, end))),
      position
    )
  }
}
