import type { CID } from 'multiformats/cid'
import type { AbortOptions } from './abort.ts'
import { BlockMismatchError, HashUnsupportedError } from './errors.ts'
import { digestOf } from './hash.ts'

/** Bytes and the CID that they are asked for by. */
export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** Where blocks come from. What it returns was verified against the CID asked for. */
export interface BlockSource {
  /** @throws BLOCK_MISSING when it does not hold the block */
  get(cid: CID, options?: AbortOptions): Promise<Uint8Array>
  has(cid: CID, options?: AbortOptions): Promise<boolean>
  /** Length of the block's bytes. @throws BLOCK_MISSING when it does not hold the block */
  size(cid: CID, options?: AbortOptions): Promise<number>
}

/**
 * The one check that bytes are what their CID says. Every byte that leaves `dagstore` or `exchange`
 * has passed here.
 *
 * @throws BLOCK_MISMATCH when the digest differs, HASH_UNSUPPORTED when no hasher is known or the
 * digest is shorter than 20 bytes
 */
export function verify(cid: CID, bytes: Uint8Array): Uint8Array {
  const { code, digest } = cid.multihash
  if (code !== 0 && digest.length < digestBytesMin) {
    throw new HashUnsupportedError(code, `with a digest of ${digest.length} bytes proves nothing`)
  }
  const actual = digestOf(code, bytes, digest.length)
  if (!equal(actual, digest)) throw new BlockMismatchError(cid)
  return bytes
}

/**
 * Shortest digest that proves anything, in bytes: one of no bytes would match every block.
 * https://github.com/ipfs/boxo/blob/v0.42.0/verifcid/cid.go
 */
const digestBytesMin = 20

/** The bytes of an identity CID, which carries them itself; undefined for every other CID. */
export function inlineBytes(cid: CID): Uint8Array | undefined {
  return cid.multihash.code === 0 ? cid.multihash.digest : undefined
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
