import { CarInvalidError, CarLimitError, CarTruncatedError } from '../errors.ts'
import type { CarLimits } from './limits.ts'
import { VarintReader } from './varint.ts'

/** What stands before the bytes of a block. */
export interface SectionHead {
  /** Bytes of the length varint and the CID. */
  headLength: number
  cidLength: number
  /** Bytes of the block. */
  dataLength: number
  cidVersion: 0 | 1
  codec: number
  hashCode: number
  digestLength: number
}

/**
 * Reads section heads out of bytes, allocating nothing. Point `varints` at the section first.
 * https://github.com/ipld/ipld/blob/65cef92/specs/transport/car/carv1/index.md#data
 */
export class SectionHeadReader {
  readonly varints: VarintReader = new VarintReader()
  readonly #limits: CarLimits

  constructor(limits: CarLimits) {
    this.#limits = limits
  }

  /**
   * Reads the section at `varints.at` into `head`; `remaining` bytes of payload are left from
   * there. False when a section of zero length ends the payload.
   *
   * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED
   */
  read(head: SectionHead, remaining: number): boolean {
    const { varints } = this
    const start = varints.at
    const offset = varints.base + start
    const length = varints.next()
    if (length === undefined) throw new CarTruncatedError('in the length of a section', offset)
    if (length === 0 && this.#limits.zeroLengthSectionAsEof) return false
    checkSectionLength(length, offset, this.#limits)
    const varintLength = varints.at - start
    if (varintLength + length > remaining) {
      throw new CarTruncatedError(`in a section of ${length} bytes`, offset)
    }
    const cidLength = this.#readCid(head, length)
    head.headLength = varintLength + cidLength
    head.cidLength = cidLength
    head.dataLength = length - cidLength
    return true
  }

  /** Bytes of the CID at `varints.at`, which lies in a section of `sectionLength` bytes. */
  #readCid(head: SectionHead, sectionLength: number): number {
    const { varints } = this
    const start = varints.at
    varints.end = Math.min(varints.end, start + sectionLength)
    if (isCidV0(varints)) {
      head.cidVersion = 0
      head.codec = 0x70
      varints.at += 2
      head.hashCode = 0x12
      head.digestLength = 32
    } else {
      const version = this.#readField()
      if (version !== 1) {
        throw this.#invalid(`expected 1 as the cid version number, got: ${version}`)
      }
      head.cidVersion = 1
      head.codec = this.#readField()
      head.hashCode = this.#readField()
      head.digestLength = this.#readField()
    }
    const cidLength = varints.at - start + head.digestLength
    if (cidLength > sectionLength) throw this.#invalid(shorterThanCid)
    if (cidLength > this.#limits.cidBytesMax) {
      throw new CarLimitError('CID', varints.base + start, cidLength, this.#limits.cidBytesMax)
    }
    return cidLength
  }

  #readField(): number {
    const value = this.varints.next()
    if (value === undefined) throw this.#invalid(shorterThanCid)
    if (!Number.isSafeInteger(value)) throw this.#invalid('CID with a field over 2^53')
    return value
  }

  #invalid(what: string): CarInvalidError {
    return new CarInvalidError(what, this.varints.base + this.varints.at)
  }
}

const shorterThanCid = 'section length shorter than CID length'

/** CIDv0 is a bare sha2-256 multihash: it starts as no version number does. */
function isCidV0({ bytes, at, end }: VarintReader): boolean {
  return end - at >= 2 && bytes[at] === 0x12 && bytes[at + 1] === 0x20
}

/**
 * Refuses a section by its length alone, before its bytes are there.
 *
 * @throws CAR_LIMIT, CAR_INVALID for a section of zero length
 */
export function checkSectionLength(length: number, offset: number, limits: CarLimits): void {
  if (length > limits.sectionBytesMax) {
    throw new CarLimitError('section', offset, length, limits.sectionBytesMax)
  }
  if (length === 0) {
    const why = 'section of zero length: null padding is read only with zeroLengthSectionAsEof'
    throw new CarInvalidError(why, offset)
  }
}
