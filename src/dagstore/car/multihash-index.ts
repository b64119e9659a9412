import { varint } from 'multiformats'

/** MultihashIndexSorted: keys are multihash code and digest. */
export const multihashIndexCodec = 0x0401
/** IndexSorted, older: keys are digests alone. */
export const digestIndexCodec = 0x0400

/** An entry of a CARv2 index. */
export interface MultihashIndexEntry {
  readonly digest: Uint8Array
  /** Of the section's length varint, relative to the CARv1 payload. */
  readonly offset: number
}

/** The multihashes of one hash code and digest length. */
export interface MultihashIndexBucket {
  readonly hashCode: number
  readonly digestLength: number
  readonly count: number
  /** `count` of them, ascending by digest, then offset. One object may be used for all. */
  readonly entries: Iterable<MultihashIndexEntry>
}

/** After the digest of an entry. */
export const offsetBytes = 8
/** Longest run of bytes that the writer yields, but for an entry that is longer. */
const chunkBytes = 64 * 1024

/**
 * A MultihashIndexSorted with its codec varint, as it stands at the `indexOffset` of a CARv2.
 * `buckets` ascend by hash code, then digest length. Each chunk is the caller's to keep.
 * https://github.com/ipld/go-car/blob/d891b59/v2/index/mhindexsorted.go
 */
export function* encodeMultihashIndex(
  buckets: readonly MultihashIndexBucket[]
): Generator<Uint8Array> {
  const codes = Map.groupBy(buckets, ({ hashCode }) => hashCode)
  const start = new DataView(new ArrayBuffer(6))
  varint.encodeTo(multihashIndexCodec, bytesOf(start))
  start.setInt32(2, codes.size, true)
  yield bytesOf(start)
  for (const [hashCode, ofCode] of codes) {
    const head = new DataView(new ArrayBuffer(12))
    head.setBigUint64(0, BigInt(hashCode), true)
    head.setInt32(8, ofCode.length, true)
    yield bytesOf(head)
    for (const bucket of ofCode) yield* encodeBucket(bucket)
  }
}

function* encodeBucket(bucket: MultihashIndexBucket): Generator<Uint8Array> {
  const { digestLength, count, entries } = bucket
  const width = digestLength + offsetBytes
  yield bucketHead(width, count)
  const perChunk = Math.max(1, Math.floor(chunkBytes / width))
  let chunk = new DataView(new ArrayBuffer(0))
  let at = 0
  let left = count
  for (const { digest, offset } of entries) {
    if (at === chunk.byteLength) {
      if (at > 0) yield bytesOf(chunk)
      chunk = new DataView(new ArrayBuffer(Math.min(left, perChunk) * width))
      at = 0
    }
    bytesOf(chunk).set(digest, at)
    chunk.setUint32(at + digestLength, offset, true)
    chunk.setUint32(at + digestLength + 4, Math.floor(offset / 2 ** 32), true)
    at += width
    left -= 1
  }
  if (left !== 0) throw new Error(`index bucket of ${count} entries was given ${count - left}`)
  if (at > 0) yield bytesOf(chunk)
}

function bucketHead(width: number, count: number): Uint8Array {
  const head = new DataView(new ArrayBuffer(12))
  head.setUint32(0, width, true)
  head.setBigUint64(4, BigInt(count * width), true)
  return bytesOf(head)
}

function bytesOf(view: DataView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(view.buffer)
}
