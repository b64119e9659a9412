import type { Block } from '../../block.ts'
import { CarTruncatedError } from '../errors.ts'
import type { CarLayout } from './header.ts'
import type { CarLimits } from './limits.ts'
import { readExactly } from './read-at.ts'
import type { ReadAt } from './read-at.ts'
import { decodeCid } from './section.ts'
import { SectionHeadReader } from './section-head.ts'
import type { SectionHead } from './section-head.ts'
import { varintBytesMax } from './varint.ts'

/** Where the sections of a CARv1 payload lie in a file: what a scan needs of its layout. */
export type PayloadSpan = Pick<CarLayout, 'payloadBase' | 'payloadSize' | 'headerLength'>

/** One read when sections are large: a head fits, and little is read in vain. */
const windowBytesMin = 4096
/** One read when sections are small. */
const windowBytesMax = 256 * 1024
/** A section from here on is skipped with a read of its own: less than copying its bytes. */
const largeSectionBytes = 16 * 1024

/**
 * Goes over the sections of a payload in file order without reading the blocks' bytes where they
 * are large. Nothing is allocated for a section: its fields are overwritten by the next `next()`,
 * and they hold only while `next()` returned true.
 */
export class SectionCursor implements SectionHead {
  /** Of the length varint, relative to `payloadBase`. */
  offset = 0
  headLength = 0
  cidLength = 0
  dataLength = 0
  cidVersion: 0 | 1 = 1
  codec = 0
  hashCode = 0
  digestLength = 0

  readonly #readAt: ReadAt
  readonly #heads: SectionHeadReader
  readonly #base: number
  /** Absolute, as all positions in here. */
  readonly #payloadEnd: number
  /** Longest head that the limits allow, or a little more. */
  readonly #headBytesMax: number
  readonly #windowBytesMin: number
  /** Of the next read, unless the sections have become large. */
  #windowBytes: number
  /** Of the next section. */
  #position: number
  #window: Uint8Array
  #windowStart = 0
  #windowEnd = 0

  /** `headerLength` of the span is where the first section starts. */
  constructor(readAt: ReadAt, span: PayloadSpan, limits: CarLimits) {
    this.#readAt = readAt
    this.#heads = new SectionHeadReader(limits)
    this.#base = span.payloadBase
    this.#payloadEnd = span.payloadBase + span.payloadSize
    this.#headBytesMax = varintBytesMax + Math.max(limits.cidBytesMax, 4 * varintBytesMax)
    this.#position = span.payloadBase + span.headerLength
    this.#windowBytesMin = Math.max(windowBytesMin, this.#headBytesMax)
    this.#windowBytes = this.#windowBytesMin
    this.#window = new Uint8Array(this.#windowBytesMin)
  }

  /**
   * Moves to the next section; false at the end of the payload. After an error it throws the same
   * one again.
   *
   * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED also when only the block's bytes are cut short
   */
  next(): boolean {
    const start = this.#position
    if (start >= this.#payloadEnd) return false
    this.#reach(start)
    const { varints } = this.#heads
    varints.bytes = this.#window
    varints.at = start - this.#windowStart
    varints.end = this.#windowEnd - this.#windowStart
    varints.base = this.#windowStart
    if (!this.#heads.read(this, this.#payloadEnd - start)) {
      this.#position = this.#payloadEnd
      return false
    }
    this.offset = start - this.#base
    this.#position = start + this.headLength + this.dataLength
    return true
  }

  /** The section's digest: a view that holds until `next()`. */
  digest(): Uint8Array {
    const end = this.#headEnd()
    return this.#window.subarray(end - this.digestLength, end)
  }

  /** The section's CID: a view that holds until `next()`. */
  cidBytes(): Uint8Array {
    const end = this.#headEnd()
    return this.#window.subarray(end - this.cidLength, end)
  }

  /** Copies the digest to `target[at]` and after, without making a view. */
  copyDigest(target: Uint8Array, at: number): void {
    const from = this.#headEnd() - this.digestLength
    for (let i = 0; i < this.digestLength; i++) target[at + i] = this.#window[from + i]!
  }

  /** Index in the window after the section's CID. */
  #headEnd(): number {
    return this.#base + this.offset + this.headLength - this.#windowStart
  }

  /** Makes the window hold the longest head at `start`, or all that is left. */
  #reach(start: number): void {
    const end = Math.min(start + this.#headBytesMax, this.#payloadEnd)
    if (end <= this.#windowEnd) return
    // What was just skipped foretells what comes: the window grows while sections are small.
    const isLarge = this.dataLength >= largeSectionBytes
    const bytes = isLarge ? this.#windowBytesMin : this.#windowBytes
    this.#windowBytes = Math.max(bytes, Math.min(2 * bytes, windowBytesMax))
    if (this.#window.length < bytes) this.#window = new Uint8Array(bytes)
    const length = Math.min(bytes, this.#payloadEnd - start)
    const read = this.#readAt(this.#window.subarray(0, length), start)
    this.#windowStart = start
    this.#windowEnd = start + read
    if (read < length) throw new CarTruncatedError('the file became shorter', start + read)
  }
}

/**
 * The block of the section at `offset`, relative to `payloadBase`. Its bytes are not verified.
 *
 * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED
 */
export function readSection(
  readAt: ReadAt,
  { span, offset, limits }: { span: PayloadSpan; offset: number; limits: CarLimits }
): Block {
  const cursor = new SectionCursor(readAt, { ...span, headerLength: offset }, limits)
  if (!cursor.next()) throw new CarTruncatedError('no section here', span.payloadBase + offset)
  const cid = decodeCid(cursor.cidBytes().slice(), span.payloadBase + offset)
  const position = span.payloadBase + offset + cursor.headLength
  const bytes = readExactly(readAt, position, { length: cursor.dataLength, what: 'in a block' })
  return { cid, bytes }
}
