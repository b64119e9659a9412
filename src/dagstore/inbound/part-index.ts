import { crc32 } from 'node:zlib'
import type { ReadAt } from '../car/read-at.ts'
import { encodeLocation, locationBytes } from '../cix/location.ts'
import type { Location } from '../cix/location.ts'

/**
 * `x.part.idx`, the journal beside an inbound CAR: marks that say how far `x.part` is good. It is
 * only appended to, each mark after the data that it covers was synced.
 *
 *     mark   = u32 count | u64 end | count records | u32 CRC-32 of all before it in the mark
 *     record = digest[32] | LOC, as in a BUCKET of a `.cix`
 *
 * All little-endian. `end` and the offsets in LOC count from the first section of the part. A
 * multihash that is not sha2-256 of 32 bytes has the first 32 bytes of its digest, padded with
 * zeros, and 1 in LOC's spare byte: its CID is then read from the part.
 */

/** Digest bytes in a record; LOC follows. */
export const recordDigestBytes = 32
/** Bytes of one record. */
export const recordBytes: number = recordDigestBytes + locationBytes
/** Most records in one mark, so that a reader knows how much to hold. */
export const markRecordsMax = 65_536

/** Where the fields that are looked at alone stand in a record. */
const at = { offset: 32, dataLength: 40, headLength: 44, other: 47, ordinal: 52 } as const
const headBytes = 12
const tailBytes = 4

/** One whole mark. */
export interface PartMark {
  /** First byte after the last section that the mark covers, from the first section of the part. */
  readonly end: number
  /** First byte after the mark in the journal. */
  readonly markEnd: number
  /** Records of `recordBytes` each, whose sections follow one another without a gap. */
  readonly records: Uint8Array
}

/** `other`: the multihash is not sha2-256 of 32 bytes. `digest` is padded to 32 bytes already. */
export function encodeRecord(
  view: DataView,
  position: number,
  record: { digest: Uint8Array; location: Location; other: boolean }
): void {
  const target = new Uint8Array(view.buffer, view.byteOffset + position, recordDigestBytes)
  target.set(record.digest)
  encodeLocation(view, position + recordDigestBytes, record.location)
  view.setUint8(position + at.other, record.other ? 1 : 0)
}

/** The CID of the record at `position` has to be read from the part. */
export function isOther(view: DataView, position: number): boolean {
  return view.getUint8(position + at.other) !== 0
}

/** `records` are whole ones, from 1 to `markRecordsMax`. */
export function encodeMark(end: number, records: Uint8Array): Uint8Array {
  const mark = new Uint8Array(headBytes + records.length + tailBytes)
  const view = new DataView(mark.buffer)
  view.setUint32(0, records.length / recordBytes, true)
  view.setBigUint64(4, BigInt(end), true)
  mark.set(records, headBytes)
  const crcAt = mark.length - tailBytes
  view.setUint32(crcAt, crc32(mark.subarray(0, crcAt)), true)
  return mark
}

/**
 * The whole marks of a journal of `size` bytes, up to the first that is torn, damaged or does not
 * follow from the one before. Holds one mark at a time; each has records of its own.
 */
export function* readMarks(readAt: ReadAt, size: number): Generator<PartMark> {
  let position = 0
  let start = { end: 0, ordinal: 0 }
  for (;;) {
    const mark = readMark(readAt, { position, size })
    if (mark === undefined) return
    const records = mark.subarray(headBytes, mark.length - tailBytes)
    const next = follow(start, records)
    const end = Number(new DataView(mark.buffer).getBigUint64(4, true))
    if (next === undefined || next.end !== end) return
    start = next
    position += mark.length
    yield { end, markEnd: position, records }
  }
}

/** The mark at `position` when all of it is there and its CRC holds. */
function readMark(
  readAt: ReadAt,
  { position, size }: { position: number; size: number }
): Uint8Array | undefined {
  const head = new Uint8Array(headBytes)
  if (readAt(head, position) < headBytes) return undefined
  const count = new DataView(head.buffer).getUint32(0, true)
  const length = headBytes + count * recordBytes + tailBytes
  if (count === 0 || count > markRecordsMax || position + length > size) return undefined

  const mark = new Uint8Array(length)
  if (readAt(mark, position) < length) return undefined
  const crcAt = length - tailBytes
  const crc = new DataView(mark.buffer).getUint32(crcAt, true)
  return crc32(mark.subarray(0, crcAt)) === crc ? mark : undefined
}

/** Where sections that begin at `start` end; undefined when a record leaves a gap. */
function follow(
  start: { end: number; ordinal: number },
  records: Uint8Array
): { end: number; ordinal: number } | undefined {
  const view = new DataView(records.buffer, records.byteOffset, records.length)
  let { end, ordinal } = start
  for (let position = 0; position < records.length; position += recordBytes) {
    if (Number(view.getBigUint64(position + at.offset, true)) !== end) return undefined
    if (view.getUint32(position + at.ordinal, true) !== ordinal) return undefined
    end += view.getUint16(position + at.headLength, true)
    end += view.getUint32(position + at.dataLength, true)
    ordinal += 1
  }
  return { end, ordinal }
}
