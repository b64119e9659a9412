/** Bits of a fingerprint. */
export const fingerprintBits = 35
/** Digest bytes that a fingerprint is made of. */
const prefixBytes = 8

/** The fingerprint of the multihash whose digest of `length` bytes stands at `at` in `bytes`. */
export type Fingerprinter = (
  hashCode: number,
  bytes: Uint8Array,
  at: number,
  length: number
) => number

/**
 * Fingerprints keyed with the repo's `secret` of 16 bytes, so that who chooses the blocks cannot
 * choose which fingerprints collide: the top 35 bits of a mix of the digest's first 8 bytes,
 * zero-padded, and the hash code. The rounds are those of MurmurHash3's finaliser.
 * https://github.com/aappleby/smhasher/blob/0ff96f7/src/MurmurHash3.cpp
 */
export function fingerprinter(secret: Uint8Array): Fingerprinter {
  const view = new DataView(secret.buffer, secret.byteOffset, 16)
  const [k0, k1, k2, k3] = [0, 4, 8, 12].map(at => view.getUint32(at, true)) as Key
  return (hashCode, bytes, at, length) => {
    const end = at + Math.min(length, prefixBytes)
    let high = word(bytes, at, end) ^ k0
    let low = word(bytes, at + 4, end) ^ k1
    high = mix(high + Math.imul(low, 0x9e3779b1))
    low = mix(low ^ high ^ k2)
    high = mix(high + low + (hashCode | 0))
    low = mix(low + Math.imul(high, 0x85ebca77) + k3)
    high = mix(high ^ low ^ k0)
    return (high >>> 0) * 8 + (low >>> 29)
  }
}

type Key = [number, number, number, number]

/** Four bytes of a digest that ends at `end`, little-endian, zeros after its end. */
function word(bytes: Uint8Array, at: number, end: number): number {
  if (end - at >= 4) {
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  }
  let value = 0
  for (let i = end - at - 1; i >= 0; i--) value = (value << 8) | bytes[at + i]!
  return value
}

function mix(word32: number): number {
  let h = word32
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
