import { IndexCorruptError } from '../errors.ts'

/** Positional read: fills `target` from `position` on. May be short only at the end of the file. */
export type ReadAtAsync = (target: Uint8Array, position: number) => Promise<number>

/** The `length` bytes at `position`. @throws INDEX_CORRUPT when the file ends before them */
export async function readFully(
  read: ReadAtAsync,
  position: number,
  length: number
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  if ((await read(bytes, position)) < length) throw new IndexCorruptError('it is cut short')
  return bytes
}
