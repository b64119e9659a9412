const segmentCount = 256
const firstSlots = 16

/**
 * Hash -> ordinal by open addressing. It has segments that grow one at a time, so that no single
 * `add` pays for moving all that was added before.
 */
export class OrdinalTable {
  readonly #hashOf: (ordinal: number) => number
  /** Ordinal + 1; 0 is an empty slot. */
  readonly #segments: Uint32Array[] = Array.from(
    { length: segmentCount },
    () => new Uint32Array(firstSlots)
  )
  readonly #counts: Uint32Array = new Uint32Array(segmentCount)

  /** `hashOf` gives the 32-bit hash of an ordinal that was added, again when a segment grows. */
  constructor(hashOf: (ordinal: number) => number) {
    this.#hashOf = hashOf
  }

  /** First ordinal of this hash that `matches`. */
  find(hash: number, matches: (ordinal: number) => boolean): number | undefined {
    const segment = this.#segmentAt(segmentOf(hash))
    const mask = segment.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = segment[slot] ?? 0
      if (value === 0) return undefined
      if (matches(value - 1)) return value - 1
    }
  }

  add(hash: number, ordinal: number): void {
    const index = segmentOf(hash)
    const count = (this.#counts[index] ?? 0) + 1
    this.#counts[index] = count
    if (count * 4 > this.#segmentAt(index).length * 3) this.#grow(index)
    place(this.#segmentAt(index), hash, ordinal)
  }

  #grow(index: number): void {
    const before = this.#segmentAt(index)
    const grown = new Uint32Array(before.length * 2)
    for (const value of before) {
      if (value !== 0) place(grown, this.#hashOf(value - 1), value - 1)
    }
    this.#segments[index] = grown
  }

  #segmentAt(index: number): Uint32Array {
    const segment = this.#segments[index]
    if (segment === undefined) throw new RangeError(`no segment ${index}`)
    return segment
  }
}

/** The top bits choose the segment, the low ones the slot in it. */
function segmentOf(hash: number): number {
  return hash >>> 24
}

function place(segment: Uint32Array, hash: number, ordinal: number): void {
  const mask = segment.length - 1
  let slot = hash & mask
  while (segment[slot] !== 0) slot = (slot + 1) & mask
  segment[slot] = ordinal + 1
}
