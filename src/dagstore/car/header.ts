import { encode } from '@ipld/dag-cbor'
import { varint } from 'multiformats'
import type { CID } from 'multiformats/cid'
import { CarInvalidError, CarTruncatedError } from '../errors.ts'
import { decodeHeader, decodeHeaderLength, payloadRoots } from './header-decode.ts'
import type { CarHeader } from './header-decode.ts'
import type { CarLimits } from './limits.ts'
import { readExactly } from './read-at.ts'
import type { ReadAt } from './read-at.ts'
import { varintBytesMax } from './varint.ts'

/** Where the parts of a CAR file lie. Positions in bytes, absolute. */
export interface CarLayout {
  readonly version: 1 | 2
  /** The index lists every section, identity CIDs included, as the CARv2 header claims. */
  readonly fullyIndexed: boolean
  /** Start of the CARv1 payload: 0 in a CARv1. Offsets of sections are relative to it. */
  readonly payloadBase: number
  /** CARv1 header and sections: the whole file in a CARv1. */
  readonly payloadSize: number
  /** CARv1 header, its length varint counted: where the first section starts. */
  readonly headerLength: number
  /** Of the codec varint of the index; 0 when there is none. */
  readonly indexOffset: number
  readonly roots: CID[]
}

/** The fixed header of a CARv2, after its pragma. Positions in bytes, absolute. */
export interface V2Header {
  readonly fullyIndexed: boolean
  readonly dataOffset: number
  readonly dataSize: number
  /** 0 for none. */
  readonly indexOffset: number
}

const pragma = [0x0a, 0xa1, 0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x02]
export const pragmaBytes: number = pragma.length
export const v2HeaderBytes = 40
/** In the first byte of the characteristics. */
const fullyIndexedBit = 0x80

/**
 * Reads the headers of the CAR of `size` bytes. Its sections are not looked at.
 * https://github.com/ipld/ipld/blob/65cef92/specs/transport/car/carv2/index.md#format-description
 *
 * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED
 */
export function readLayout(readAt: ReadAt, size: number, limits: CarLimits): CarLayout {
  const outer = readHeader(readAt, { position: 0, end: size, limits })
  if (outer.header.version === 1) {
    const place = { payloadBase: 0, payloadSize: size, headerLength: outer.length, indexOffset: 0 }
    return { version: 1, fullyIndexed: false, ...place, roots: outer.header.roots }
  }
  const what = 'in the CARv2 header'
  const v2 = decodeV2Header(readExactly(readAt, pragmaBytes, { length: v2HeaderBytes, what }))
  const { fullyIndexed, dataOffset, dataSize, indexOffset } = v2
  const end = dataOffset + dataSize
  if (end > size) throw new CarTruncatedError(`in a payload of ${dataSize} bytes`, size)
  if (indexOffset >= size) throw new CarTruncatedError('before the index', size)
  const inner = readHeader(readAt, { position: dataOffset, end, limits })
  return {
    version: 2,
    fullyIndexed,
    payloadBase: dataOffset,
    payloadSize: dataSize,
    headerLength: inner.length,
    indexOffset,
    roots: payloadRoots(inner.header, dataOffset)
  }
}

/** The header at `position` of a CAR that goes to `end`; its length counts the varint. */
function readHeader(
  readAt: ReadAt,
  { position, end, limits }: { position: number; end: number; limits: CarLimits }
): { header: CarHeader; length: number } {
  const what = 'in a CAR header'
  const head = Math.min(varintBytesMax, end - position)
  const first = readExactly(readAt, position, { length: head, what })
  const { varintLength, length } = decodeHeaderLength(first, { position, limits })
  const start = position + varintLength
  if (start + length > end) throw new CarTruncatedError(`${what} of ${length} bytes`, end)
  const header = decodeHeader(readExactly(readAt, start, { length, what }), start)
  return { header, length: varintLength + length }
}

/** The header of a CARv1, its length varint included, in canonical DAG-CBOR. */
export function encodeHeader(roots: readonly CID[]): Uint8Array {
  const body = encode({ roots, version: 1 })
  const varintLength = varint.encodingLength(body.length)
  const header = new Uint8Array(varintLength + body.length)
  varint.encodeTo(body.length, header)
  header.set(body, varintLength)
  return header
}

/** The 11 bytes that a CARv2 starts with. */
export function encodePragma(): Uint8Array {
  return Uint8Array.from(pragma)
}

/** The 40 bytes after the pragma. */
export function encodeV2Header(header: V2Header): Uint8Array {
  const bytes = new Uint8Array(v2HeaderBytes)
  const view = new DataView(bytes.buffer)
  bytes[0] = header.fullyIndexed ? fullyIndexedBit : 0
  view.setBigUint64(16, BigInt(header.dataOffset), true)
  view.setBigUint64(24, BigInt(header.dataSize), true)
  view.setBigUint64(32, BigInt(header.indexOffset), true)
  return bytes
}

/**
 * Reads the 40 bytes after the pragma.
 *
 * @throws CAR_INVALID also for the zeros that stand there until a CARv2 is finalized
 */
export function decodeV2Header(bytes: Uint8Array): V2Header {
  const dataOffset = int64(bytes, 16)
  const dataSize = int64(bytes, 24)
  const indexOffset = int64(bytes, 32)
  if (dataOffset < pragmaBytes + v2HeaderBytes) {
    throw new CarInvalidError(`invalid data payload offset: ${dataOffset}`, pragmaBytes + 16)
  }
  if (dataSize <= 0) {
    throw new CarInvalidError(`invalid data payload size: ${dataSize}`, pragmaBytes + 24)
  }
  if (indexOffset !== 0 && indexOffset < dataOffset + dataSize) {
    throw new CarInvalidError(`invalid index offset: ${indexOffset}`, pragmaBytes + 32)
  }
  return { fullyIndexed: (bytes[0]! & fullyIndexedBit) !== 0, dataOffset, dataSize, indexOffset }
}

/** As go-car takes these fields: over 2^63 is below zero. Over 2^53 it is rounded: no file is so long. */
function int64(bytes: Uint8Array, at: number): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(at, true))
}
