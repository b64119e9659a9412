import { decodeLocation, type Location, locationBytes } from './location.ts'
import { type ReadAtAsync, readFully } from './read-fully.ts'

/** Bytes of a record of EXTRA: the first section's ordinal and a LOC. */
export const repeatBytes: number = 4 + locationBytes
/** Once this few records are left, they are read together. */
const readTogether = 128

/** EXTRA of an index; `position` is absolute. */
export interface ExtraPlace {
  readonly position: number
  readonly count: number
}

/** The further sections of the multihash whose first one has ordinal `of`; at most `max`. */
export async function readRepeats(
  read: ReadAtAsync,
  extra: ExtraPlace,
  { of, max }: { of: number; max: number }
): Promise<Location[]> {
  const locations: Location[] = []
  let index = await lowerBound(read, extra, of)
  while (locations.length < max && index < extra.count) {
    const count = Math.min(readTogether, extra.count - index)
    const bytes = await readFully(read, extra.position + index * repeatBytes, count * repeatBytes)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at < bytes.length; at += repeatBytes) {
      if (view.getUint32(at, true) !== of || locations.length === max) return locations
      locations.push(decodeLocation(view, at + 4))
    }
    index += count
  }
  return locations
}

/** Index of the first record whose ordinal is not below `of`. */
async function lowerBound(read: ReadAtAsync, extra: ExtraPlace, of: number): Promise<number> {
  let from = 0
  let to = extra.count
  while (from < to) {
    const middle = (from + to) >>> 1
    const record = await readFully(read, extra.position + middle * repeatBytes, 4)
    if (record.readUInt32LE(0) < of) from = middle + 1
    else to = middle
  }
  return from
}
