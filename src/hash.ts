import { hash } from 'node:crypto'
import { blake2b } from '@noble/hashes/blake2.js'
import { blake3 } from '@noble/hashes/blake3.js'
import { keccak_224, keccak_256, keccak_384, keccak_512 } from '@noble/hashes/sha3.js'
import { HashUnsupportedError } from './errors.ts'

type Hasher = (bytes: Uint8Array, length: number) => Uint8Array

/** Multihash codes of the multicodec table that blocks are checked with. */
const hashers = new Map<number, Hasher>([
  [0x00, bytes => bytes],
  [0x11, openssl('sha1')],
  [0x12, openssl('sha256')],
  [0x13, openssl('sha512')],
  [0x14, openssl('sha3-512')],
  [0x15, openssl('sha3-384')],
  [0x16, openssl('sha3-256')],
  [0x17, openssl('sha3-224')],
  [0x1a, bytes => keccak_224(bytes)],
  [0x1b, bytes => keccak_256(bytes)],
  [0x1c, bytes => keccak_384(bytes)],
  [0x1d, bytes => keccak_512(bytes)],
  [0x1e, (bytes, length) => blake3(bytes, { dkLen: length })],
  [0x20, openssl('sha384')],
  [0x56, bytes => hash('sha256', hash('sha256', bytes, 'buffer'), 'buffer')],
  [0xb260, openssl('blake2s256')]
])

/** blake2b-8 to blake2b-512: one code for each length in bytes. */
for (let length = 1; length <= 64; length++) {
  hashers.set(0xb200 + length, bytes => blake2b(bytes, { dkLen: length }))
}

/**
 * Digest of `bytes` under the multihash function `code`, cut to `length` bytes as a truncated
 * multihash has it.
 *
 * @throws HASH_UNSUPPORTED when no hasher is known
 */
export function digestOf(code: number, bytes: Uint8Array, length: number): Uint8Array {
  const hasher = hashers.get(code)
  if (hasher === undefined) throw new HashUnsupportedError(code, 'is not supported')
  const digest = hasher(bytes, length)
  return code !== 0 && length < digest.length ? digest.subarray(0, length) : digest
}

function openssl(name: string): Hasher {
  return bytes => hash(name, bytes, 'buffer')
}
