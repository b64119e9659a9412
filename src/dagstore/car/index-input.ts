import { IndexCorruptError } from '../errors.ts'
import type { ReadAt } from './read-at.ts'
import { VarintReader, varintBytesMax } from './varint.ts'

/** Little-endian fields one after the other, between two positions. */
export class IndexInput {
  readonly #readAt: ReadAt
  readonly #end: number
  #position: number

  constructor(readAt: ReadAt, position: number, end: number) {
    this.#readAt = readAt
    this.#position = position
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.#position
  }

  codec(): number {
    const varints = new VarintReader()
    const start = this.#position
    varints.bytes = this.take(Math.min(varintBytesMax, this.remaining))
    varints.end = varints.bytes.length
    varints.base = start
    const codec = nextCodec(varints)
    this.#position = start + varints.at
    return codec
  }

  int32(): number {
    const bytes = this.take(4)
    return new DataView(bytes.buffer).getInt32(0, true)
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  int64(): number {
    return int64At(this.take(8), 0)
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    const position = this.skip(length)
    const bytes = new Uint8Array(length)
    if (this.#readAt(bytes, position) < length) throw cutShort()
    return bytes
  }

  /** Position of what was skipped. */
  skip(length: number): number {
    if (length > this.remaining) throw cutShort()
    const position = this.#position
    this.#position += length
    return position
  }
}

function nextCodec(varints: VarintReader): number {
  try {
    const codec = varints.next()
    if (codec !== undefined) return codec
  } catch (cause) {
    throw new IndexCorruptError('malformed codec', { cause })
  }
  throw cutShort()
}

/** @throws INDEX_CORRUPT when it is below zero or over 2^53 */
export function int64At(bytes: Uint8Array<ArrayBuffer>, at: number): number {
  const value = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(at, true))
  if (value < 0 || !Number.isSafeInteger(value)) {
    throw new IndexCorruptError('malformed index; a number over 2^53')
  }
  return value
}

export function cutShort(): IndexCorruptError {
  return new IndexCorruptError('unexpected end of the index')
}
