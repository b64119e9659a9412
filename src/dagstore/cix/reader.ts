import { crc32 } from 'node:zlib'
import type { AbortOptions } from '../../abort.ts'
import { IndexCorruptError } from '../errors.ts'
import type { RecordBatch } from './bucket.ts'
import { codecBytes, headerFlags, trailerBytes } from './format.ts'
import type { PrivateFacts } from './jobs.ts'
import { cixLimitDefaults, type CixLimits } from './limits.ts'
import { decodeLocation, type Location, locationFlags } from './location.ts'
import { type IndexFile, openIndex, type OpenIndex } from './open-index.ts'
import { type ReadAtAsync, readFully } from './read-fully.ts'
import { readRepeats } from './repeats.ts'

/** What an index says of its CAR. */
export interface CixFacts {
  /** Every section of the payload is listed. */
  readonly complete: boolean
  /** Where the CARv1 payload begins in its file; locations count from here. */
  readonly payloadBase: number
  readonly payloadSize: number
  readonly sectionCount: number
  /** Unique multihashes listed, identity ones too. */
  readonly blockCount: number
  readonly private?: PrivateFacts | undefined
}

/** A multihash and its first section. */
export interface CixEntry {
  readonly hashCode: number
  readonly digest: Uint8Array
  readonly location: Location
}

/** Bytes read at once where the whole file is gone through. */
const bodyReadBytes = 1024 * 1024

/**
 * An index in a file, searched with positional reads: a node of the tree at a time, each checked
 * against its CRC. Little of it is ever in memory. The file belongs to the giver of `read`, so that
 * there is nothing to close.
 */
export class CixReader {
  readonly facts: CixFacts
  readonly #file: IndexFile
  readonly #index: OpenIndex

  private constructor(file: IndexFile, index: OpenIndex) {
    const { flags, payloadBase, payloadSize, sectionCount } = index.header
    this.facts = {
      complete: (flags & headerFlags.complete) !== 0,
      payloadBase,
      payloadSize,
      sectionCount,
      blockCount: index.buckets.reduce((sum, bucket) => sum + bucket.count, 0),
      private: index.private
    }
    this.#file = file
    this.#index = index
  }

  /**
   * Reads header, directory, PRIVATE and the end of an index of `size` bytes.
   *
   * @throws INDEX_CORRUPT, INDEX_UNSUPPORTED, and whatever `read` throws
   */
  static async open(
    read: ReadAtAsync,
    size: number,
    limits: CixLimits = cixLimitDefaults
  ): Promise<CixReader> {
    const file = { read, size, limits }
    return new CixReader(file, await openIndex(file))
  }

  /**
   * Sections of the multihash, the first of the CAR first, at most `locationsMax`; none when the
   * CAR does not hold it.
   *
   * @throws INDEX_CORRUPT, and whatever `read` throws
   */
  async find(
    hashCode: number,
    digest: Uint8Array,
    { signal }: AbortOptions = {}
  ): Promise<Location[]> {
    signal?.throwIfAborted()
    const bucket = this.#index.buckets.find(
      each => each.hashCode === hashCode && each.digestLength === digest.length
    )
    const first = await bucket?.find(digest, { signal })
    if (first === undefined) return []
    const locations = [first]
    const { extra } = this.#index
    if ((first.flags & locationFlags.more) !== 0 && extra !== undefined) {
      const max = this.#file.limits.locationsMax - 1
      locations.push(...(await readRepeats(this.#file.read, extra, { of: first.ordinal, max })))
    }
    for (const location of locations) this.#check(location)
    return locations
  }

  /**
   * Every multihash with its first section, in the order of the file, some hundreds in memory at a
   * time. Further sections of a multihash are left out.
   *
   * @throws INDEX_CORRUPT, and whatever `read` throws
   */
  async *entries({ signal }: AbortOptions = {}): AsyncGenerator<CixEntry> {
    for await (const { hashCode, digestLength, width, records } of this.batches({ signal })) {
      const view = new DataView(records.buffer, records.byteOffset, records.length)
      for (let at = 0; at < records.length; at += width) {
        const location = decodeLocation(view, at + digestLength)
        this.#check(location)
        yield {
          hashCode,
          digest: Uint8Array.from(records.subarray(at, at + digestLength)),
          location
        }
      }
    }
  }

  /** `entries` as raw records, for who reads millions of them. */
  async *batches({ signal }: AbortOptions = {}): AsyncGenerator<RecordBatch> {
    for (const bucket of this.#index.buckets) yield* bucket.batches({ signal })
  }

  /** Reads the whole file. @throws INDEX_CORRUPT when its sum does not match */
  async verifyBody({ signal }: AbortOptions = {}): Promise<void> {
    const { read, size } = this.#file
    const end = size - trailerBytes
    let sum = 0
    for (let position = codecBytes.length; position < end; position += bodyReadBytes) {
      signal?.throwIfAborted()
      const length = Math.min(bodyReadBytes, end - position)
      sum = crc32(await readFully(read, position, length), sum)
    }
    const trailer = await readFully(read, end, trailerBytes)
    if (trailer.readUInt32LE(0) !== sum) throw new IndexCorruptError('its sum does not match')
  }

  #check({ offset, headLength, dataLength }: Location): void {
    if (offset + headLength + dataLength > this.facts.payloadSize) {
      throw new IndexCorruptError(`a section at ${offset} passes the end of the payload`)
    }
  }
}
