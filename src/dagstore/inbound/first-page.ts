import { decode, encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { crc32 } from 'node:zlib'
import {
  encodeHeader,
  encodePragma,
  encodeV2Header,
  pragmaBytes,
  v2HeaderBytes
} from '../car/header.ts'
import { CarLimitError } from '../errors.ts'

/**
 * The first 4096 bytes of an inbound CAR; the sections stand after them.
 *
 *     open     pragma | 40 zeros | u32 length | u32 CRC-32 | DAG-CBOR {request, roots} | zeros
 *     sealed   pragma | CARv2 header | zeros | CARv1 header
 *
 * The CARv1 header ends where the sections begin, so that it can be written when the roots are
 * known: at the end. Up to 98 roots of CIDv1 with sha2-256 fit.
 */

/** Where the sections of every inbound CAR begin. */
export const sectionsStart = 4096

const recordStart = pragmaBytes + v2HeaderBytes
const recordHeadBytes = 8

/** What an inbound CAR is for. */
export interface PartRequest {
  readonly root: CID
}

/** The first page of a sealed CAR, and what its parts say. */
export interface SealedPage {
  readonly bytes: Uint8Array
  /** dataOffset: where the CARv1 header stands. */
  readonly payloadBase: number
  /** CARv1 header and sections. */
  readonly payloadSize: number
  /** Of the CARv1 header, its varint counted. */
  readonly headerLength: number
}

/** @throws CAR_LIMIT when the root's CID does not fit */
export function encodeOpenPage(request: PartRequest): Uint8Array {
  const page = new Uint8Array(sectionsStart)
  page.set(encodePragma())
  const record = encodeRecord(request)
  const recordMax = sectionsStart - recordStart - recordHeadBytes
  if (record.length > recordMax) {
    throw new CarLimitError('resume record', recordStart, record.length, recordMax)
  }
  const view = new DataView(page.buffer)
  view.setUint32(recordStart, record.length, true)
  view.setUint32(recordStart + 4, crc32(record), true)
  page.set(record, recordStart + recordHeadBytes)
  return page
}

/** What an open part is for; undefined when the page does not say, or not any more. */
export function decodeOpenPage(page: Uint8Array): PartRequest | undefined {
  const view = new DataView(page.buffer, page.byteOffset, page.length)
  const length = view.getUint32(recordStart, true)
  const start = recordStart + recordHeadBytes
  const record = page.subarray(start, start + length)
  if (crc32(record) !== view.getUint32(recordStart + 4, true)) return undefined
  return decodeRecord(record)
}

/** Where the resume record ends in an open page. */
export function openPageEnd(request: PartRequest): number {
  return recordStart + recordHeadBytes + encodeRecord(request).length
}

/** @throws CAR_LIMIT when the header of so many roots does not fit before the sections */
export function encodeSealedPage(roots: readonly CID[], sectionsBytes: number): SealedPage {
  const header = encodeHeader(roots)
  const headerMax = sectionsStart - recordStart
  if (header.length > headerMax) {
    throw new CarLimitError(
      `CAR header of ${roots.length} roots`,
      recordStart,
      header.length,
      headerMax
    )
  }
  const payloadBase = sectionsStart - header.length
  const payloadSize = header.length + sectionsBytes
  const place = { dataOffset: payloadBase, dataSize: payloadSize }
  const indexOffset = sectionsStart + sectionsBytes
  const bytes = new Uint8Array(sectionsStart)
  bytes.set(encodePragma())
  bytes.set(encodeV2Header({ fullyIndexed: true, ...place, indexOffset }), pragmaBytes)
  bytes.set(header, payloadBase)
  return { bytes, payloadBase, payloadSize, headerLength: header.length }
}

function encodeRecord({ root }: PartRequest): Uint8Array {
  return encode({ request: { root }, roots: [root] })
}

function decodeRecord(record: Uint8Array): PartRequest | undefined {
  if (record.length === 0) return undefined
  const { request } = decode<{ request?: { root?: unknown } }>(record)
  const root = CID.asCID(request?.root)
  return root === null ? undefined : { root }
}
