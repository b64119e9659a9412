import { randomInt } from 'node:crypto'
import type { CID } from 'multiformats/cid'

/** 32-bit words that stand for one CID. */
const words = 4

/**
 * Which CIDs were seen, in 32 to 64 bytes each. A CID counts by its codec and the first 127 bits of
 * its digest; its version does not count.
 */
export class CidSet {
  #slots = new Uint32Array(1024 * words)
  #size = 0
  readonly #key = new Uint32Array(words)
  readonly #keyBytes = new Uint8Array(this.#key.buffer)

  get size(): number {
    return this.#size
  }

  /** Whether `cid` is new here. */
  add(cid: CID): boolean {
    this.#setKey(cid)
    const at = find(this.#slots, this.#key)
    if (this.#slots[at] !== 0) return false
    this.#slots.set(this.#key, at)
    this.#size += 1
    if (this.#size * words * 2 > this.#slots.length) this.#grow()
    return true
  }

  #setKey({ code, multihash }: CID): void {
    this.#key.fill(0)
    this.#keyBytes.set(multihash.digest.subarray(0, this.#keyBytes.length))
    this.#key[3]! ^= Math.imul(code, 0x9e3779b1) ^ Math.imul(multihash.code, 0x85ebca6b)
    // An empty slot is one whose first word is 0.
    this.#key[0]! |= 1
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2)
    for (let at = 0; at < this.#slots.length; at += words) {
      const key = this.#slots.subarray(at, at + words)
      if (key[0] !== 0) larger.set(key, find(larger, key))
    }
    this.#slots = larger
  }
}

/** Position of the slot that holds `key`, or of the empty one where it belongs. */
function find(slots: Uint32Array, key: Uint32Array): number {
  const mask = slots.length / words - 1
  for (let slot = mix(key); ; slot++) {
    const at = (slot & mask) * words
    if (slots[at] === 0 || isAt(slots, at, key)) return at
  }
}

function isAt(slots: Uint32Array, at: number, key: Uint32Array): boolean {
  return key.every((word, index) => slots[at + index] === word)
}

/** Seeded, so that nobody can make digests that all fall into one place. */
function mix(key: Uint32Array): number {
  let mixed = seed
  for (const word of key) {
    mixed = Math.imul(mixed ^ word, 0x9e3779b1)
    mixed ^= mixed >>> 15
  }
  return mixed >>> 0
}

const seed = randomInt(2 ** 32)
