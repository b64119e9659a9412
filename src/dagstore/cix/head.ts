import { crc32 } from 'node:zlib'
import { IndexCorruptError, IndexUnsupportedError } from '../errors.ts'
import { formatVersion, knownCriticalFlags, trailerBytes } from './format.ts'

/** What the header says beside lengths and sums. */
export interface CixHeader {
  readonly flags: number
  readonly order: number
  readonly dups: number
  readonly keysPerNode: number
  readonly payloadBase: number
  readonly payloadSize: number
  readonly sectionCount: number
}

/** An entry of the directory; `offset` counts from H. */
export interface Part {
  readonly type: number
  readonly p0: number
  readonly p1: number
  readonly offset: number
  readonly length: number
  readonly count: number
}

/** Bytes of the header; the directory follows. */
export const headerBytes = 80
const entryBytes = 40
const crcAt = 44

/** Bytes of a header and a directory of `parts` entries. */
export function headBytes(parts: number): number {
  return headerBytes + parts * entryBytes
}

/** Header and directory. `parts` have no gaps between them. */
export function encodeHead(header: CixHeader, parts: readonly Part[]): Uint8Array {
  const bytes = Buffer.alloc(headBytes(parts.length))
  const partBytes = parts.reduce((sum, part) => sum + part.length, 0)
  bytes.writeBigUInt64LE(BigInt(bytes.length + partBytes + trailerBytes), 0)
  bytes.writeUInt16LE(formatVersion, 8)
  bytes.writeUInt16LE(header.flags, 10)
  bytes.writeUInt8(header.order, 12)
  bytes.writeUInt8(header.dups, 13)
  bytes.writeUInt16LE(header.keysPerNode, 14)
  bytes.writeBigUInt64LE(BigInt(header.payloadBase), 16)
  bytes.writeBigUInt64LE(BigInt(header.payloadSize), 24)
  bytes.writeBigUInt64LE(BigInt(header.sectionCount), 32)
  bytes.writeUInt32LE(parts.length, 40)
  for (const [index, part] of parts.entries()) {
    const position = headBytes(index)
    bytes.writeUInt16LE(part.type, position)
    bytes.writeUInt32LE(part.p1, position + 4)
    bytes.writeBigUInt64LE(BigInt(part.p0), position + 8)
    bytes.writeBigUInt64LE(BigInt(part.offset), position + 16)
    bytes.writeBigUInt64LE(BigInt(part.length), position + 24)
    bytes.writeBigUInt64LE(BigInt(part.count), position + 32)
  }
  bytes.writeUInt32LE(crc32(bytes), crcAt)
  return bytes
}

/**
 * Bytes of header and directory, from the header alone, of an index of `indexLength` bytes from H.
 *
 * @throws INDEX_CORRUPT, INDEX_UNSUPPORTED
 */
export function headBytesOf(
  header: Buffer,
  { indexLength, partsMax }: { indexLength: number; partsMax: number }
): number {
  const version = header.readUInt16LE(8)
  if (version !== formatVersion) throw new IndexUnsupportedError(`version ${version}`)
  if (readU64(header, 0) !== indexLength) {
    throw new IndexCorruptError(`it is ${indexLength} bytes long and says ${readU64(header, 0)}`)
  }
  const parts = header.readUInt32LE(40)
  if (parts > partsMax) throw new IndexUnsupportedError(`${parts} parts, over ${partsMax}`)
  const length = headBytes(parts)
  if (length + trailerBytes > indexLength) throw new IndexCorruptError('the directory is cut short')
  return length
}

/**
 * Reads header and directory, whose length `headBytesOf` gave.
 *
 * @throws INDEX_CORRUPT, INDEX_UNSUPPORTED
 */
export function decodeHead(head: Buffer): { header: CixHeader; parts: Part[] } {
  const zeroed = Buffer.from(head)
  zeroed.writeUInt32LE(0, crcAt)
  if (crc32(zeroed) !== head.readUInt32LE(crcAt)) {
    throw new IndexCorruptError('the sum of its header does not match')
  }
  const flags = head.readUInt16LE(10)
  if ((flags & 0xff & ~knownCriticalFlags) !== 0) {
    throw new IndexUnsupportedError(`flags 0x${flags.toString(16)}`)
  }
  const header = {
    flags,
    order: head.readUInt8(12),
    dups: head.readUInt8(13),
    keysPerNode: head.readUInt16LE(14),
    payloadBase: readU64(head, 16),
    payloadSize: readU64(head, 24),
    sectionCount: readU64(head, 32)
  }
  const parts = Array.from({ length: head.readUInt32LE(40) }, (_, at) => decodePart(head, at))
  checkDirectory(parts, { from: head.length, to: readU64(head, 0) - trailerBytes })
  return { header, parts }
}

function decodePart(head: Buffer, index: number): Part {
  const position = headBytes(index)
  if (head.readUInt16LE(position + 2) !== 0) throw new IndexUnsupportedError('flags of a part')
  return {
    type: head.readUInt16LE(position),
    p1: head.readUInt32LE(position + 4),
    p0: readU64(head, position + 8),
    offset: readU64(head, position + 16),
    length: readU64(head, position + 24),
    count: readU64(head, position + 32)
  }
}

/** Parts ascend by (type, p0, p1) and fill the room between directory and trailer. */
function checkDirectory(parts: readonly Part[], { from, to }: { from: number; to: number }): void {
  let end = from
  let before: Part | undefined
  for (const part of parts) {
    if (part.offset !== end) throw new IndexCorruptError('its parts are not contiguous')
    if (before !== undefined && !ascends(before, part)) {
      throw new IndexCorruptError('its parts are not in order')
    }
    end += part.length
    before = part
  }
  if (end !== to) throw new IndexCorruptError('its parts do not end at the trailer')
}

function ascends(a: Part, b: Part): boolean {
  return (a.type - b.type || a.p0 - b.p0 || a.p1 - b.p1) < 0
}

/** @throws INDEX_CORRUPT over 2^53: no size or position of a file is that large */
function readU64(bytes: Buffer, position: number): number {
  const value = bytes.readUInt32LE(position) + bytes.readUInt32LE(position + 4) * 0x1_0000_0000
  if (!Number.isSafeInteger(value)) throw new IndexCorruptError('a number is over 2^53')
  return value
}
