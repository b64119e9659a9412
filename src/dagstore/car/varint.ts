import { CarInvalidError } from '../errors.ts'

/** An unsigned varint carries at most 63 bits. https://github.com/multiformats/unsigned-varint */
export const varintBytesMax = 9

const noBytes = new Uint8Array(0)

/** Reads unsigned varints one after the other. Set its fields and reuse it: it allocates nothing. */
export class VarintReader {
  bytes: Uint8Array = noBytes
  /** Index of the next byte in `bytes`. */
  at = 0
  /** Index after the last byte that may be read. */
  end = 0
  /** Position of `bytes[0]` in the CAR, for messages. */
  base = 0

  /**
   * The next value; undefined when the bytes end inside it. Values over 2^53 come out rounded:
   * they are far beyond every limit, so callers refuse them.
   *
   * @throws CAR_INVALID when it is longer than 9 bytes or not the shortest form
   */
  next(): number | undefined {
    const start = this.at
    let value = 0
    let unit = 1
    for (let at = start; at < this.end; at++) {
      const byte = this.bytes[at]!
      if (byte < 0x80) {
        if (byte === 0 && at > start) throw this.#invalid('varint is not in its shortest form')
        this.at = at + 1
        return value + byte * unit
      }
      if (at - start + 1 === varintBytesMax) throw this.#invalid('varint is longer than 9 bytes')
      value += (byte & 0x7f) * unit
      unit *= 0x80
    }
    return undefined
  }

  #invalid(what: string): CarInvalidError {
    return new CarInvalidError(what, this.base + this.at)
  }
}
