import { locationBytes } from './location.ts'
import { sortPairs } from './radix.ts'
import type { RecordSet } from './records.ts'
import { release } from './release.ts'
import { repeatBytes } from './repeats.ts'

/** Records of EXTRA that are made at once. */
const recordsPerChunk = 8192

/**
 * The further sections of multihashes, in columns: who repeats a small block in a CAR is not to cost
 * an object for each time.
 */
export class RepeatList {
  readonly #sets: RecordSet[] = []
  /** Place in `#sets`, number of the record in it, and the ordinal of the multihash's first section. */
  #setPlaces = new Uint16Array(0)
  #records = new Uint32Array(0)
  #firstOrdinals = new Uint32Array(0)
  /** Places in the columns, ascending by (first ordinal, own ordinal). */
  #order = new Uint32Array(0)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Repeats of one multihash are added in ascending order of their ordinals. */
  add(set: RecordSet, record: number, firstOrdinal: number): void {
    if (this.#count === this.#records.length) this.#grow()
    if (this.#sets.at(-1) !== set) this.#sets.push(set)
    this.#setPlaces[this.#count] = this.#sets.length - 1
    this.#records[this.#count] = record
    this.#firstOrdinals[this.#count] = firstOrdinal
    this.#count += 1
  }

  /** To be called when all are added. */
  sort(): void {
    const { keys, values } = sortPairs(this.#firstOrdinals.slice(0, this.#count))
    release(keys)
    this.#order = values
  }

  /** EXTRA, some records at a time; a chunk holds until the next. */
  *encode(): Generator<Uint8Array> {
    const chunk = Buffer.alloc(Math.min(this.#count, recordsPerChunk) * repeatBytes)
    let filled = 0
    for (const place of this.#order) {
      const set = this.#sets[this.#setPlaces[place]!]!
      const record = this.#records[place]!
      const from = set.positionOf(record) + set.digestLength
      chunk.writeUInt32LE(this.#firstOrdinals[place]!, filled)
      set.slabOf(record).copy(chunk, filled + 4, from, from + locationBytes)
      filled += repeatBytes
      if (filled < chunk.length) continue
      yield chunk
      filled = 0
    }
    if (filled > 0) yield chunk.subarray(0, filled)
  }

  #grow(): void {
    const length = Math.max(256, 2 * this.#count)
    this.#setPlaces = moved(this.#setPlaces, new Uint16Array(length))
    this.#records = moved(this.#records, new Uint32Array(length))
    this.#firstOrdinals = moved(this.#firstOrdinals, new Uint32Array(length))
  }
}

function moved<T extends Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(from: T, to: T): T {
  to.set(from)
  release(from)
  return to
}
