import { hash } from 'node:crypto'
import { basename } from 'node:path'
import type { CID } from 'multiformats/cid'
import { ShardKeyInvalidError } from './errors.ts'

/** Longest key, in bytes of UTF-8. Keys are text of the user's choice and never name files. */
export const keyBytesMax = 1024

/** @throws SHARD_KEY_INVALID when the key is empty, too long or cannot be shown on one line */
export function checkKey(key: string): string {
  if (key.length === 0) throw new ShardKeyInvalidError(key, 'it is empty')
  if (!key.isWellFormed()) throw new ShardKeyInvalidError(key, 'it is not valid Unicode')
  if (Buffer.byteLength(key) > keyBytesMax) {
    throw new ShardKeyInvalidError(key, `it is longer than ${keyBytesMax} bytes`)
  }
  if (/\p{Cc}/u.test(key)) throw new ShardKeyInvalidError(key, 'it has control characters')
  return key
}

/**
 * Keys for a CAR that came without one, best first: the CID of its first root, or the name of the
 * file; and the same told apart by its path, for when another file took that.
 */
export function defaultKeys(path: string, roots: readonly CID[]): readonly string[] {
  const root = roots[0]?.toString() ?? ''
  const plain = root !== '' && root.length < rootLengthMax ? root : fileKey(path)
  return [plain, `${plain}#${hash('sha256', path, 'hex').slice(0, 8)}`]
}

/** An identity CID carries a block and can be long. */
const rootLengthMax = 256

/** The file's name with what a key cannot have taken out; leaves room for the short hash. */
function fileKey(path: string): string {
  return basename(path)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '?')
}
