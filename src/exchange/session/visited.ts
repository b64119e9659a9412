/**
 * Which blocks a walk has followed: a bit per ordinal of the sink, for each codec, because the same
 * bytes under another codec may have other links.
 */
export class Visited {
  readonly #bits = new Map<number, Uint32Array>()

  /** False when it was there already. */
  add(codec: number, ordinal: number): boolean {
    const bits = this.#bitsFor(codec, ordinal)
    const word = bits[ordinal >>> 5] ?? 0
    const bit = 1 << (ordinal & 31)
    bits[ordinal >>> 5] = word | bit
    return (word & bit) === 0
  }

  #bitsFor(codec: number, ordinal: number): Uint32Array {
    const bits = this.#bits.get(codec) ?? new Uint32Array(32)
    const words = (ordinal >>> 5) + 1
    const fitting = words > bits.length ? grown(bits, words) : bits
    this.#bits.set(codec, fitting)
    return fitting
  }
}

function grown(bits: Uint32Array, words: number): Uint32Array {
  const larger = new Uint32Array(Math.max(words, bits.length * 2))
  larger.set(bits)
  return larger
}
