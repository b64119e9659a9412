import { randomInt } from 'node:crypto'
import type { CID } from 'multiformats/cid'
import { decodeLocation, locationFlags } from '../cix/location.ts'
import type { Location } from '../cix/location.ts'
import { OrdinalTable } from './ordinal-table.ts'
import { encodeRecord, markRecordsMax, recordBytes, recordDigestBytes } from './part-index.ts'

/** 448 KiB of records. */
const slabRecords = 8192
export const sha256Code = 0x12

/** Hash function and digest: what a multihash says. */
interface HashName {
  readonly code: number
  readonly digest: Uint8Array
}

/** What is kept of a section; its offset and ordinal follow from those before it. */
type NewSection = Omit<Location, 'offset' | 'ordinal'>

interface Slab {
  readonly records: Uint8Array
  readonly view: DataView
  /** Which (hash function, digest length) each record has: what the record itself cannot say. */
  readonly kinds: Uint16Array
}

/** Records for one mark. */
export interface RecordRun {
  readonly records: Uint8Array
  readonly count: number
  /** First byte after the last of their sections. */
  readonly end: number
}

/**
 * What an inbound CAR holds, in the order of its sections: records as its journal has them, found
 * by multihash. Typed arrays only: some 64 bytes of memory for a block.
 *
 * Two multihashes are one when hash function, length and the first 32 bytes of the digest are
 * equal: as hard to bring about as a collision of sha2-256.
 */
export class PartRecords {
  readonly #slabs: Slab[] = []
  readonly #kinds: Map<string, number> = new Map([[kindName(sha256Code, recordDigestBytes), 0]])
  /** Peers choose the digests: a seed that they do not know keeps them from filling one chain. */
  readonly #seed: number = randomInt(2 ** 32)
  readonly #table: OrdinalTable = new OrdinalTable(ordinal => this.#hashAt(ordinal))
  /** Where the digest looked for is padded; overwritten by the next search. */
  readonly #key: Uint8Array = new Uint8Array(recordDigestBytes)
  readonly #keyView: DataView = new DataView(this.#key.buffer)
  #count = 0
  #end = 0
  #dataBytes = 0

  get count(): number {
    return this.#count
  }

  /** First byte after the last section, from the first one. */
  get end(): number {
    return this.#end
  }

  /** Of all blocks. */
  get dataBytes(): number {
    return this.#dataBytes
  }

  /** Where the first `count` sections end. */
  endOf(count: number): number {
    if (count === 0) return 0
    const { offset, headLength, dataLength } = this.location(count - 1)
    return offset + headLength + dataLength
  }

  /** Ordinal of the section with this multihash. */
  find(multihash: HashName): number | undefined {
    const kind = this.#kinds.get(kindName(multihash.code, multihash.digest.length))
    if (kind === undefined) return undefined
    this.#setKey(multihash)
    return this.#table.find(hashOf(this.#keyView, 0, kind ^ this.#seed), ordinal => {
      const { slab, index } = this.#at(ordinal)
      return slab.kinds[index] === kind && this.#isKey(slab.records, index * recordBytes)
    })
  }

  /** Adds the section that follows the last one, of a new multihash, and returns its ordinal. */
  add(multihash: HashName, section: NewSection): number {
    const kind = this.#kindOf(multihash)
    this.#setKey(multihash)
    const ordinal = this.#count
    const { slab, index } = this.#newPlace()
    encodeRecord(slab.view, index * recordBytes, {
      digest: this.#key,
      location: { ...section, offset: this.#end, ordinal },
      other: kind !== 0
    })
    slab.kinds[index] = kind
    this.#count += 1
    this.#end += section.headLength + section.dataLength
    this.#dataBytes += section.dataLength
    this.#table.add(this.#hashAt(ordinal), ordinal)
    return ordinal
  }

  location(ordinal: number): Location {
    const { slab, index } = this.#at(ordinal)
    return decodeLocation(slab.view, index * recordBytes + recordDigestBytes)
  }

  /** Records from ordinal `from` on, as many as `until` and one mark allow. At least one. */
  run(from: number, until: number): RecordRun {
    const count = Math.min(until - from, markRecordsMax)
    const records = new Uint8Array(count * recordBytes)
    for (let done = 0; done < count;) {
      const { slab, index } = this.#at(from + done)
      const part = slab.records.subarray(index * recordBytes, (index + count - done) * recordBytes)
      records.set(part, done * recordBytes)
      done += part.length / recordBytes
    }
    return { records, count, end: this.endOf(from + count) }
  }

  #at(ordinal: number): { slab: Slab; index: number } {
    const slab = this.#slabs[Math.floor(ordinal / slabRecords)]
    if (slab === undefined) throw new RangeError(`no section ${ordinal} in this part`)
    return { slab, index: ordinal % slabRecords }
  }

  #newPlace(): { slab: Slab; index: number } {
    if (this.#count === this.#slabs.length * slabRecords) {
      const records = new Uint8Array(slabRecords * recordBytes)
      const view = new DataView(records.buffer)
      this.#slabs.push({ records, view, kinds: new Uint16Array(slabRecords) })
    }
    return this.#at(this.#count)
  }

  #kindOf({ code, digest }: HashName): number {
    const name = kindName(code, digest.length)
    const kind = this.#kinds.get(name) ?? this.#kinds.size
    this.#kinds.set(name, kind)
    return kind
  }

  #setKey({ digest }: HashName): void {
    padDigest(digest, this.#key)
  }

  #isKey(records: Uint8Array, position: number): boolean {
    for (let i = 0; i < recordDigestBytes; i++) {
      if (records[position + i] !== this.#key[i]) return false
    }
    return true
  }

  #hashAt(ordinal: number): number {
    const { slab, index } = this.#at(ordinal)
    return hashOf(slab.view, index * recordBytes, (slab.kinds[index] ?? 0) ^ this.#seed)
  }
}

/** LOC's flags for a section with this CID. */
export function flagsOf(cid: CID): number {
  return cid.version === 0 ? locationFlags.cidV0 : 0
}

/** The digest as a record has it: its first 32 bytes, zeros after a shorter one. */
export function padDigest(digest: Uint8Array, target: Uint8Array): Uint8Array {
  target.fill(0)
  target.set(digest.subarray(0, recordDigestBytes))
  return target
}

function kindName(hashCode: number, digestLength: number): string {
  return `${hashCode}:${digestLength}`
}

/** 32 bits of the digest's first 8 bytes. */
function hashOf(view: DataView, position: number, seed: number): number {
  let hash = Math.imul(view.getUint32(position, true) ^ seed, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 15) ^ view.getUint32(position + 4, true), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
