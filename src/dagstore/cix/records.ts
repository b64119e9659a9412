import { IndexUnsupportedError } from '../errors.ts'
import {
  decodeLocation,
  encodeLocation,
  flagsAt,
  type Location,
  locationBytes
} from './location.ts'
import { sortPairs } from './radix.ts'
import { release } from './release.ts'

/** Longest digest that an index holds. */
export const digestBytesMax = 128
/** Most (hash code, digest length) pairs in one index. */
const setsMax = 1000

const slabBits = 16
const slabRecords = 1 << slabBits
/** Records in the first slab at its start: most CARs are small. */
const firstRecords = 256

/** Copies a digest to `target` from `at` on, so that no view is made for a section. */
export interface DigestSource {
  copyDigest(target: Uint8Array, at: number): void
}

/**
 * Sections whose multihashes have one hash code and one digest length, as records `digest | LOC` in
 * slabs: no object for a record, and nothing is moved when one is added.
 */
export class RecordSet {
  readonly hashCode: number
  readonly digestLength: number
  /** Bytes of a record. */
  readonly width: number
  readonly #slabs: Buffer<ArrayBuffer>[] = []
  readonly #views: DataView[] = []
  /** The slabs in words, for copying. */
  readonly #words: Uint32Array[] = []
  #order = new Uint32Array(0)
  #count = 0
  /** The last slab, and how many bytes of it are records. */
  #tail = new DataView(new ArrayBuffer(0))
  #filled = 0
  /** Takes what `warm` reads, lest the reading be optimised away. */
  readonly #ends = new Uint8Array(1)

  constructor(hashCode: number, digestLength: number) {
    this.hashCode = hashCode
    this.digestLength = digestLength
    this.width = digestLength + locationBytes
  }

  get count(): number {
    return this.#count
  }

  /** Records are added in ascending order of their ordinals. */
  add(digest: DigestSource, location: Location): void {
    if (this.#filled === this.#tail.byteLength) this.#grow()
    digest.copyDigest(this.#slabs[this.#slabs.length - 1]!, this.#filled)
    encodeLocation(this.#tail, this.#filled + this.digestLength, location)
    this.#filled += this.width
    this.#count += 1
  }

  /** The slab with record `at`; it stands there at `positionOf(at)`. */
  slabOf(at: number): Buffer {
    return this.#slabs[at >>> slabBits]!
  }

  positionOf(at: number): number {
    return (at & (slabRecords - 1)) * this.width
  }

  locationOf(at: number): Location {
    return decodeLocation(this.#views[at >>> slabBits]!, this.positionOf(at) + this.digestLength)
  }

  /** Copies records to `target`, one after the other from `position` on, a multiple of `width`. */
  copyTo(target: Uint8Array<ArrayBuffer>, position: number, records: Uint32Array): void {
    this.warm(records)
    // A call of Buffer.copy for each would cost more than the copying.
    if (this.width % 4 === 0) this.#copyWords(target, position, records)
    else this.#copyBytes(target, position, records)
  }

  #copyWords(target: Uint8Array<ArrayBuffer>, position: number, records: Uint32Array): void {
    const width = this.width / 4
    const words = new Uint32Array(target.buffer, position, records.length * width)
    let to = 0
    for (const at of records) {
      const source = this.#words[at >>> slabBits]!
      const from = (at & (slabRecords - 1)) * width
      for (let i = 0; i < width; i++) words[to + i] = source[from + i]!
      to += width
    }
  }

  #copyBytes(target: Uint8Array, position: number, records: Uint32Array): void {
    let to = position
    for (const at of records) {
      const source = this.slabOf(at)
      const from = this.positionOf(at)
      for (let i = 0; i < this.width; i++) target[to + i] = source[from + i]!
      to += this.width
    }
  }

  /**
   * Reads a byte at both ends of some hundred records at most, so that they are in the processor's
   * cache when they are used next. Such reads go on at the same time, being independent: going
   * through records in order of digest, each far from the one before, takes a third of the time.
   */
  warm(records: Uint32Array): void {
    for (const at of records) {
      const slab = this.slabOf(at)
      const position = this.positionOf(at)
      this.#ends[0]! ^= slab[position]! ^ slab[position + this.width - 1]!
    }
  }

  /** Sets a bit of `locationFlags` in the LOC of record `at`. */
  flag(at: number, bit: number): void {
    const position = this.positionOf(at) + this.digestLength + flagsAt
    this.slabOf(at)[position]! |= bit
  }

  /** Record `at` against `digest` in byte order: below zero when it comes first. */
  compare(at: number, digest: Uint8Array): number {
    const position = this.positionOf(at)
    return this.slabOf(at).compare(digest, 0, digest.length, position, position + this.digestLength)
  }

  /**
   * Records by digest, ascending; of equal digests only the first section's. The others are handed
   * to `repeated` with it, by ordinal.
   */
  sort(repeated: (first: number, at: number) => void): Uint32Array {
    const prefixes = new Uint32Array(this.#count)
    for (let at = 0; at < prefixes.length; at++) prefixes[at] = this.#prefixOf(at)
    const { keys, values: order } = sortPairs(prefixes)
    let unique = 0
    for (let from = 0; from < order.length;) {
      let to = from + 1
      while (to < order.length && keys[to] === keys[from]) to += 1
      if (to - from === 1) order[unique++] = order[from]!
      else for (const at of this.#firsts(order.slice(from, to), repeated)) order[unique++] = at
      from = to
    }
    release(keys)
    this.#order = order
    return order.subarray(0, unique)
  }

  digestOf(at: number): Buffer {
    const position = this.positionOf(at)
    return this.slabOf(at).subarray(position, position + this.digestLength)
  }

  /** Gives the memory back, that of the order too; the set is not used afterwards. */
  release(): void {
    release(this.#order)
    for (const slab of this.#slabs.splice(0)) release(slab)
    this.#views.length = 0
    this.#words.length = 0
  }

  /** Of records with one prefix, the first of each digest in order; `repeated` gets the rest. */
  #firsts(tied: Uint32Array, repeated: (first: number, at: number) => void): number[] {
    const compare = (a: number, b: number): number => this.#compareRecords(a, b) || a - b
    // Mostly they are one block many times over, which the radix sort left in order.
    const sorted = tied.every((at, place) => place === 0 || compare(tied[place - 1]!, at) < 0)
    if (!sorted) tied.sort(compare)
    const firsts: number[] = []
    for (const at of tied) {
      const first = firsts.at(-1)
      if (first !== undefined && this.#compareRecords(at, first) === 0) repeated(first, at)
      else firsts.push(at)
    }
    return firsts
  }

  #compareRecords(a: number, b: number): number {
    const [from, to] = [this.positionOf(a), this.positionOf(b)]
    const other = this.slabOf(b)
    return this.slabOf(a).compare(other, to, to + this.digestLength, from, from + this.digestLength)
  }

  /** The digest's first four bytes as a number that sorts like them. */
  #prefixOf(at: number): number {
    const position = this.positionOf(at)
    if (this.digestLength >= 4) return this.#views[at >>> slabBits]!.getUint32(position)
    let prefix = 0
    for (let byte = 0; byte < this.digestLength; byte++) {
      prefix += this.slabOf(at)[position + byte]! * 2 ** (24 - 8 * byte)
    }
    return prefix
  }

  /** Makes room behind the last record: the first slab larger, or another one. */
  #grow(): void {
    const small = this.#count < slabRecords ? this.#slabs.pop() : undefined
    const records = this.#count === 0 ? firstRecords : slabRecords
    const slab = Buffer.allocUnsafeSlow(records * this.width)
    if (small === undefined) {
      this.#filled = 0
    } else {
      slab.set(small)
      release(small)
      this.#views.pop()
      this.#words.pop()
    }
    this.#tail = new DataView(slab.buffer)
    this.#slabs.push(slab)
    this.#views.push(this.#tail)
    this.#words.push(new Uint32Array(slab.buffer, 0, slab.length >>> 2))
  }
}

/** The record sets of one CAR. To be disposed of: they are large. */
export class RecordSets implements Disposable {
  #sets = new Map<string, RecordSet>()
  /** Blocks of one CAR mostly share hash function and length. */
  #last: RecordSet | undefined

  /** @throws INDEX_UNSUPPORTED when the pair is one too many, or the digest too long */
  of(hashCode: number, digestLength: number): RecordSet {
    const last = this.#last
    if (last?.hashCode === hashCode && last.digestLength === digestLength) return last
    const key = `${hashCode}/${digestLength}`
    const set = this.#sets.get(key) ?? this.#create(key, hashCode, digestLength)
    this.#last = set
    return set
  }

  /** Ascending by hash code, then digest length. */
  all(): RecordSet[] {
    return [...this.#sets.values()].sort(
      (a, b) => a.hashCode - b.hashCode || a.digestLength - b.digestLength
    )
  }

  /** Gives the records' memory back. */
  [Symbol.dispose](): void {
    for (const set of this.#sets.values()) set.release()
  }

  #create(key: string, hashCode: number, digestLength: number): RecordSet {
    if (digestLength > digestBytesMax) {
      throw new IndexUnsupportedError(`a digest of ${digestLength} bytes, over ${digestBytesMax}`)
    }
    if (this.#sets.size === setsMax) {
      throw new IndexUnsupportedError(`over ${setsMax} pairs of hash function and digest length`)
    }
    const set = new RecordSet(hashCode, digestLength)
    this.#sets.set(key, set)
    return set
  }
}
