import type { CarLayout } from '../car/header.ts'
import type { CarLimits } from '../car/limits.ts'
import type { ReadAt } from '../car/read-at.ts'
import { SectionCursor } from '../car/sections.ts'
import { IndexUnsupportedError } from '../errors.ts'
import { type Location, locationFlags } from './location.ts'
import { digestBytesMax, type RecordSets } from './records.ts'

/** What a scan found beside the records. */
export interface Scan {
  readonly sections: number
  /** Bytes of all sections' blocks. */
  readonly dataBytes: number
  /** Sections whose CID carries its block. */
  readonly identities: number
  /** Every section was added: none was left out for the length of its identity digest. */
  readonly complete: boolean
}

/** Sections between two looks at whether the job was called off. */
const sectionsPerCheck = 4096
/** The identity "hash": its digest is the block. */
export const identityCode = 0
const u16Max = 0xffff
const u32Max = 0xffffffff

/** Where the sections of a scan go, and what may stop it. */
export interface ScanInto {
  readonly sets: RecordSets
  /** Called every few thousand sections: it throws to stop. */
  readonly checkpoint: () => void
}

/**
 * Adds the sections of a CAR to `sets`.
 *
 * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED, INDEX_UNSUPPORTED
 */
export function scanCar(
  readAt: ReadAt,
  layout: CarLayout,
  { limits, sets, checkpoint }: ScanInto & { readonly limits: CarLimits }
): Scan {
  const cursor = new SectionCursor(readAt, layout, limits)
  const location = { offset: 0, dataLength: 0, headLength: 0, flags: 0, codec: 0, ordinal: 0 }
  let [dataBytes, identities, omitted] = [0, 0, 0]
  let ordinal = 0
  for (; cursor.next(); ordinal++) {
    if (ordinal % sectionsPerCheck === 0) checkpoint()
    const { hashCode, digestLength } = cursor
    dataBytes += cursor.dataLength
    if (hashCode === identityCode) identities += 1
    if (hashCode === identityCode && digestLength > digestBytesMax) {
      omitted += 1
      continue
    }
    location.offset = cursor.offset
    location.dataLength = cursor.dataLength
    location.headLength = cursor.headLength
    location.flags = flagsOf(cursor)
    location.codec = cursor.codec
    location.ordinal = ordinal
    checkFits(location)
    sets.of(hashCode, digestLength).add(cursor, location)
  }
  return { sections: ordinal, dataBytes, identities, complete: omitted === 0 }
}

/** A record has 32 bits for these, and 16 for the head: CAR limits may be set higher. */
function checkFits({ dataLength, headLength, codec, ordinal }: Location): void {
  if (Math.max(dataLength, codec, ordinal) > u32Max || headLength > u16Max) {
    throw new IndexUnsupportedError(`section ${ordinal} has a length or codec over its field`)
  }
}

function flagsOf({ cidVersion, hashCode }: { cidVersion: 0 | 1; hashCode: number }): number {
  const version = cidVersion === 0 ? locationFlags.cidV0 : 0
  return version | (hashCode === identityCode ? locationFlags.identity : 0)
}
