import { LimitExceededError } from '../../errors.ts'
import { IndexCorruptError, IndexUnsupportedError } from '../errors.ts'
import { IndexInput, cutShort, int64At } from './index-input.ts'
import type { CarLimits } from './limits.ts'
import { digestIndexCodec, multihashIndexCodec, offsetBytes } from './multihash-index.ts'
import type { MultihashIndexEntry } from './multihash-index.ts'
import type { ReadAt } from './read-at.ts'

/** Entries of one hash code and digest length, and where they lie. */
export interface IndexBucket {
  /** Undefined in an IndexSorted, which does not say. */
  readonly hashCode: number | undefined
  readonly digestLength: number
  readonly count: number
  /** Of the first entry, absolute. */
  readonly position: number
}

/** What an index lists: a hint, as whoever made the CAR wrote it. A section found by it is read again. */
export interface IndexDirectory {
  readonly codec: typeof multihashIndexCodec | typeof digestIndexCodec
  readonly buckets: IndexBucket[]
}

const chunkBytes = 64 * 1024

/**
 * Reads the directory of the index that starts with its codec varint at `start`; `end` is that of
 * the file. The entries are not looked at.
 *
 * @throws INDEX_CORRUPT, INDEX_UNSUPPORTED for another codec, LIMIT_EXCEEDED
 */
export function readMultihashIndex(
  readAt: ReadAt,
  { start, end, limits }: { start: number; end: number; limits: CarLimits }
): IndexDirectory {
  const input = new IndexInput(readAt, start, end)
  const codec = input.codec()
  const directory = new DirectoryReader(input, limits)
  if (codec === digestIndexCodec) {
    directory.readBuckets(undefined)
  } else if (codec === multihashIndexCodec) {
    const codes = directory.readCount('MultihashIndexSorted')
    for (let i = 0; i < codes; i++) directory.readBuckets(input.int64())
  } else {
    throw new IndexUnsupportedError(`codec 0x${codec.toString(16)}: it is made again from the CAR`)
  }
  return { codec, buckets: directory.buckets }
}

/**
 * The entries of a bucket as they lie, a chunk in memory at a time. Whether they are in order is
 * not checked.
 *
 * @throws INDEX_CORRUPT
 */
export function* readBucket(readAt: ReadAt, bucket: IndexBucket): Generator<MultihashIndexEntry> {
  const { digestLength, count, position } = bucket
  const width = digestLength + offsetBytes
  const perChunk = Math.max(1, Math.floor(chunkBytes / width))
  for (let done = 0; done < count; done += perChunk) {
    const length = Math.min(perChunk, count - done) * width
    const input = new IndexInput(readAt, position + done * width, position + count * width)
    const chunk = input.take(length)
    for (let at = 0; at < length; at += width) {
      const digest = chunk.subarray(at, at + digestLength)
      yield { digest, offset: int64At(chunk, at + digestLength) }
    }
  }
}

class DirectoryReader {
  readonly buckets: IndexBucket[] = []
  readonly #input: IndexInput
  readonly #limits: CarLimits

  constructor(input: IndexInput, limits: CarLimits) {
    this.#input = input
    this.#limits = limits
  }

  /** A count of things that take at least 12 bytes each. */
  readCount(what: string): number {
    const count = this.#input.int32()
    if (count < 0) throw new IndexCorruptError(`index too big; ${what} count is overflowing int32`)
    if (count * 12 > this.#input.remaining) throw cutShort()
    this.#checkBuckets(count)
    return count
  }

  readBuckets(hashCode: number | undefined): void {
    const count = this.readCount('multiWidthIndex')
    this.#checkBuckets(this.buckets.length + count)
    for (let i = 0; i < count; i++) this.buckets.push(this.#readBucket(hashCode))
  }

  #readBucket(hashCode: number | undefined): IndexBucket {
    const width = this.#input.uint32()
    const bytes = this.#input.int64()
    const { indexEntryBytesMax } = this.#limits
    if (width < offsetBytes) {
      throw new IndexCorruptError('malformed index; width must be at least 8')
    }
    if (width > indexEntryBytesMax) {
      throw new LimitExceededError('entry of a CAR index', indexEntryBytesMax, 'indexEntryBytesMax')
    }
    if (bytes % width !== 0) {
      throw new IndexCorruptError(`malformed index; ${bytes} bytes of entries of ${width}`)
    }
    const position = this.#input.skip(bytes)
    return { hashCode, digestLength: width - offsetBytes, count: bytes / width, position }
  }

  #checkBuckets(count: number): void {
    const { indexBucketsMax } = this.#limits
    if (count > indexBucketsMax) {
      throw new LimitExceededError('buckets of a CAR index', indexBucketsMax, 'indexBucketsMax')
    }
  }
}
