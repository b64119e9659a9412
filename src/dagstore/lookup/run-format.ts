import { crc32 } from 'node:zlib'
import { fingerprintBits } from './fingerprint.ts'

/**
 * A run: fingerprints with the seqs that have them, sorted, in one file. Little-endian.
 *
 *     header   "CDR1" | u16 version | u8 p | u8 s | u8 W | 7 zeros | u64 lo | u64 hi | u64 n
 *              u32 CRC-32 of header (this field zero) and fence | 20 zeros
 *     fence    u32[2^p + 1]: entries before each bucket, and all of them
 *     entries  n of W bytes: rest of the fingerprint << s | seq - lo, ascending in their bucket
 *     checks   u32 CRC-32 for each 64 KiB of entries
 *
 * The bucket of a fingerprint is its top p bits, its rest the others. lo and hi are the lowest and
 * the highest seq.
 */
export interface RunShape {
  /** p: bits of a fingerprint that its bucket stands for. */
  readonly bucketBits: number
  /** s: bits of a seq, counted from `lo`. */
  readonly seqBits: number
  /** W. */
  readonly entryBytes: number
  readonly lo: number
  readonly hi: number
  /** n. */
  readonly count: number
}

export const runMagic = 0x31524443
export const runVersion = 1
export const runHeaderBytes = 64
export const runCrcAt = 40
/** Entries that one CRC covers. */
export const checkedBytes = 65_536
/** At most 2^20 buckets: a fence of 4 MiB. */
export const bucketBitsMax = 20
/** An entry is handled as one number. */
export const entryBitsMax = 53
/** Entries of a bucket are a page or less: about 2^9 of them. */
const bucketEntriesLog = 9
/** More buckets than that are made where it saves a byte of each entry. */
const bucketBitsExtra = 2

export function shapeOf({ lo, hi, count }: Pick<RunShape, 'lo' | 'hi' | 'count'>): RunShape {
  const seqBits = bitsOf(hi - lo)
  const needed = fingerprintBits + seqBits - entryBitsMax
  const even = Math.max(0, Math.round(Math.log2(count)) - bucketEntriesLog, needed)
  const bytesAt = (bits: number): number => Math.ceil((fingerprintBits - bits + seqBits) / 8)
  const choices = Array.from({ length: bucketBitsExtra + 1 }, (_, more) =>
    Math.min(even + more, bucketBitsMax)
  )
  const bucketBits = choices.reduce((best, bits) => (bytesAt(bits) < bytesAt(best) ? bits : best))
  return { bucketBits, seqBits, entryBytes: bytesAt(bucketBits), lo, hi, count }
}

export function fenceBytes({ bucketBits }: RunShape): number {
  return 4 * (2 ** bucketBits + 1)
}

/** Bytes of a run before its entries. */
export function entriesStart(shape: RunShape): number {
  return runHeaderBytes + fenceBytes(shape)
}

export function runBytes(shape: RunShape): number {
  const entries = shape.count * shape.entryBytes
  return entriesStart(shape) + entries + 4 * Math.ceil(entries / checkedBytes)
}

/** The CRC in the header, of header and fence. */
export function headCrc(run: Buffer, shape: RunShape): number {
  const before = crc32(run.subarray(0, runCrcAt))
  const zero = crc32(new Uint8Array(4), before)
  return crc32(run.subarray(runCrcAt + 4, entriesStart(shape)), zero)
}

/** The rest of a fingerprint counts up to this, exclusive. */
export function restRange({ bucketBits }: RunShape): number {
  return 2 ** (fingerprintBits - bucketBits)
}

function bitsOf(value: number): number {
  return value === 0 ? 0 : Math.floor(Math.log2(value)) + 1
}
