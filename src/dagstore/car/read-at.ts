import { readSync } from 'node:fs'
import { CarTruncatedError } from '../errors.ts'

/**
 * Fills `target` with the bytes from `position` on and returns how many it read. Fewer than
 * `target.length` only where the data ends.
 */
export type ReadAt = (target: Uint8Array, position: number) => number

/** Positional reads of an open file. The caller closes `fd`. */
export function fileReadAt(fd: number): ReadAt {
  return (target, position) => readSync(fd, target, 0, target.length, position)
}

/** The `length` bytes at `position`. @throws CAR_TRUNCATED when the data ends before them */
export function readExactly(
  readAt: ReadAt,
  position: number,
  { length, what }: { length: number; what: string }
): Uint8Array {
  const bytes = new Uint8Array(length)
  if (readAt(bytes, position) < length) throw new CarTruncatedError(what, position)
  return bytes
}
