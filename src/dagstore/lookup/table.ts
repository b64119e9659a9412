import { type Postings, postingsMax } from './postings.ts'

const slotsMin = 1024
const lowRange = 2 ** 32

/**
 * Which seqs have a fingerprint: a hash table with open addressing in typed arrays, at most half
 * full, 9 bytes a slot. Nothing is taken out of it. Fingerprints are keyed, so that nobody can fill
 * one chain.
 */
export class FingerprintTable {
  #slots = slotsMin
  /** Low 32 bits of the fingerprint: it stands at this slot, or at the next that was free. */
  #lows = new Uint32Array(slotsMin)
  #highs = new Uint8Array(slotsMin)
  /** Seq plus one; 0 is a free slot. */
  #marks = new Uint32Array(slotsMin)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** `seq`: below 2^32 - 1. The lowest of `postingsMax` seqs of one fingerprint gives way to a higher. */
  add(fingerprint: number, seq: number): void {
    if (2 * this.#count >= this.#slots) this.#grow()
    let slot = this.#home(fingerprint)
    let [same, lowest] = [0, slot]
    for (; this.#marks[slot] !== 0; slot = this.#after(slot)) {
      if (!this.#holds(slot, fingerprint)) continue
      if (this.#marks[slot] === seq + 1) return
      if (same === 0 || this.#marks[slot]! < this.#marks[lowest]!) lowest = slot
      same += 1
    }
    if (same < postingsMax) {
      this.#put(slot, fingerprint, seq + 1)
      this.#count += 1
    } else if (this.#marks[lowest]! < seq + 1) {
      this.#marks[lowest] = seq + 1
    }
  }

  /** Calls `found` for every seq that has the fingerprint, in no order. */
  find(fingerprint: number, found: (seq: number) => void): void {
    for (let slot = this.#home(fingerprint); ; slot = this.#after(slot)) {
      const mark = this.#marks[slot]!
      if (mark === 0) return
      if (this.#holds(slot, fingerprint)) found(mark - 1)
    }
  }

  /** All of it whose seqs `keep` says yes to. */
  postings(keep: (seq: number) => boolean): Postings {
    const fingerprints = new Float64Array(this.#count)
    const seqs = new Float64Array(this.#count)
    let count = 0
    for (let slot = 0; slot < this.#slots; slot++) {
      const mark = this.#marks[slot]!
      if (mark === 0 || !keep(mark - 1)) continue
      fingerprints[count] = this.#highs[slot]! * lowRange + this.#lows[slot]!
      seqs[count] = mark - 1
      count += 1
    }
    return { fingerprints: fingerprints.subarray(0, count), seqs: seqs.subarray(0, count) }
  }

  #home(fingerprint: number): number {
    return (fingerprint % lowRange) & (this.#slots - 1)
  }

  #after(slot: number): number {
    return (slot + 1) & (this.#slots - 1)
  }

  #holds(slot: number, fingerprint: number): boolean {
    return this.#lows[slot]! + this.#highs[slot]! * lowRange === fingerprint
  }

  #put(slot: number, fingerprint: number, mark: number): void {
    this.#lows[slot] = fingerprint % lowRange
    this.#highs[slot] = Math.floor(fingerprint / lowRange)
    this.#marks[slot] = mark
  }

  #grow(): void {
    const { fingerprints, seqs } = this.postings(() => true)
    this.#slots *= 2
    this.#lows = new Uint32Array(this.#slots)
    this.#highs = new Uint8Array(this.#slots)
    this.#marks = new Uint32Array(this.#slots)
    for (let at = 0; at < fingerprints.length; at++) {
      let slot = this.#home(fingerprints[at]!)
      while (this.#marks[slot] !== 0) slot = this.#after(slot)
      this.#put(slot, fingerprints[at]!, seqs[at]! + 1)
    }
  }
}
