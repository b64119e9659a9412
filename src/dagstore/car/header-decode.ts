import { CID } from 'multiformats/cid'
import { CarInvalidError, CarLimitError, CarTruncatedError } from '../errors.ts'
import type { CarLimits } from './limits.ts'
import { VarintReader } from './varint.ts'

/*
 * The DAG-CBOR of a CAR header, read by its own grammar: {"roots": [&Any...] | null, "version": 1},
 * or {"version": 2} for the pragma of a CARv2. A general decoder builds whatever the bytes hold:
 * 12 s and 2.3 GB for 32 MiB of empty arrays.
 * https://github.com/ipld/ipld/blob/65cef92/specs/transport/car/carv1/index.md#header
 */

/** A CARv1 header, or the pragma of a CARv2. */
export type CarHeader = { readonly version: 1; readonly roots: CID[] } | { readonly version: 2 }

/**
 * How long the header at `position` is, from its first bytes: as many as a varint may have, fewer
 * only where the CAR ends.
 *
 * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED
 */
export function decodeHeaderLength(
  bytes: Uint8Array,
  { position, limits }: { position: number; limits: CarLimits }
): { varintLength: number; length: number } {
  const varints = new VarintReader()
  varints.bytes = bytes
  varints.end = bytes.length
  varints.base = position
  const length = varints.next()
  if (length === undefined) throw new CarTruncatedError('in the length of a CAR header', position)
  if (length === 0) throw new CarInvalidError('invalid CAR header: zero length', position)
  if (length > limits.headerBytesMax) {
    throw new CarLimitError('CAR header', position, length, limits.headerBytesMax)
  }
  return { varintLength: varints.at, length }
}

/**
 * `bytes` without their length varint. `position` is theirs in the CAR, for messages.
 *
 * @throws CAR_INVALID
 */
export function decodeHeader(bytes: Uint8Array, position: number): CarHeader {
  const reader = new HeaderReader(bytes, position)
  const keys = reader.head(major.map)
  let version: number | undefined
  let roots: CID[] | undefined
  for (let i = 0; i < keys; i++) {
    const key = reader.text()
    if (key === 'version' && version === undefined) version = reader.head(major.uint)
    else if (key === 'roots' && roots === undefined) roots = reader.roots()
    else throw reader.invalid(`unexpected key ${JSON.stringify(key.slice(0, 40))}`)
  }
  reader.finish()
  if (version === 1 && roots !== undefined) return { version, roots }
  if (version === 2 && roots === undefined) return { version }
  if (version === 1 || version === 2) throw reader.invalid('not the keys of its version')
  throw new CarInvalidError(`invalid car version: ${version ?? 'none'}`, position)
}

/**
 * Roots of the payload of a CARv2, which must be a CARv1.
 *
 * @throws CAR_INVALID
 */
export function payloadRoots(header: CarHeader, position: number): CID[] {
  if (header.version === 1) return header.roots
  throw new CarInvalidError('invalid car version: 2 inside the payload of a CARv2', position)
}

/** RFC 8949 section 3.1. */
const major = { uint: 0, bytes: 2, text: 3, array: 4, map: 5, tag: 6 }
const nullByte = 0xf6
const cidTag = 42

class HeaderReader {
  readonly #bytes: Uint8Array
  readonly #position: number
  #at = 0

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes
    this.#position = position
  }

  /** The argument of the next item, which must be of type `expected`. */
  head(expected: number): number {
    const initial = this.#take(1)[0]!
    if (initial >> 5 !== expected) throw this.invalid('not the shape of a CAR header')
    const info = initial & 0x1f
    if (info < 24) return info
    const width = [1, 2, 4][info - 24]
    if (width === undefined) throw this.invalid('a number over 32 bits')
    const value = this.#take(width).reduce((sum, byte) => sum * 256 + byte, 0)
    const smaller = width === 1 ? 24 : 256 ** (width / 2)
    if (value < smaller) throw this.invalid('a number that is not in its shortest form')
    return value
  }

  text(): string {
    return new TextDecoder().decode(this.#take(this.head(major.text)))
  }

  roots(): CID[] {
    if (this.#bytes[this.#at] === nullByte) {
      this.#at += 1
      return []
    }
    const count = this.head(major.array)
    const roots: CID[] = []
    for (let i = 0; i < count; i++) roots.push(this.#link())
    return roots
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw this.invalid('bytes after its end')
  }

  invalid(what: string, options?: ErrorOptions): CarInvalidError {
    return new CarInvalidError(`invalid CAR header: ${what}`, this.#position + this.#at, options)
  }

  #link(): CID {
    if (this.head(major.tag) !== cidTag) throw this.invalid('a root that is not a CID')
    const bytes = this.#take(this.head(major.bytes))
    if (bytes[0] !== 0) throw this.invalid('a root without the multibase prefix of a link')
    try {
      return CID.decode(bytes.subarray(1))
    } catch (cause) {
      throw this.invalid('a root that is not a CID', { cause })
    }
  }

  #take(length: number): Uint8Array {
    const start = this.#at
    if (length > this.#bytes.length - start) throw this.invalid('it ends inside a value')
    this.#at = start + length
    return this.#bytes.subarray(start, start + length)
  }
}
