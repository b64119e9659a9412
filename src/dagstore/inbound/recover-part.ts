import { setImmediate } from 'node:timers/promises'
import type { CID } from 'multiformats/cid'
import { inlineBytes, verify } from '../../block.ts'
import { BlockMismatchError, HashUnsupportedError } from '../../errors.ts'
import { carLimitDefaults } from '../car/limits.ts'
import type { CarLimits } from '../car/limits.ts'
import { fileReadAt, readExactly } from '../car/read-at.ts'
import type { ReadAt } from '../car/read-at.ts'
import { decodeCid } from '../car/section.ts'
import { SectionCursor } from '../car/sections.ts'
import { decodeLocation } from '../cix/location.ts'
import { CarInvalidError, CarLimitError, CarTruncatedError } from '../errors.ts'
import type { InboundConfig } from './config.ts'
import { decodeOpenPage, sectionsStart } from './first-page.ts'
import type { PartRequest } from './first-page.ts'
import type { PartFiles } from './part-files.ts'
import { isOther, readMarks, recordBytes, recordDigestBytes } from './part-index.ts'
import { flagsOf, padDigest, PartRecords, sha256Code } from './part-records.ts'

/** What is good of a part that was left open. */
export interface RecoveredPart {
  readonly records: PartRecords
  /** How many of the records its journal holds. */
  readonly marked: number
  /** Bytes of the journal that are good. */
  readonly journalBytes: number
  /** Bytes of torn or damaged sections that were cut off. */
  readonly cutBytes: number
}

/** What there is of a new part. */
export function nothingRecovered(): RecoveredPart {
  return { records: new PartRecords(), marked: 0, journalBytes: 0, cutBytes: 0 }
}

/** What the part is for. @throws CAR_INVALID when it does not say */
export async function readRequest({ data }: PartFiles, path: string): Promise<PartRequest> {
  const page = new Uint8Array(sectionsStart)
  await data.read(page, 0, page.length, 0)
  const request = decodeOpenPage(page)
  if (request === undefined) throw new CarInvalidError(`${path} does not say what it is for`, 0)
  return request
}

/** The part while it is looked at. */
interface Scan {
  readonly readAt: ReadAt
  /** Bytes of sections in the file, whole or not. */
  readonly sectionsBytes: number
  readonly limits: CarLimits
  readonly records: PartRecords
}

/** So much is read and hashed before other work gets its turn. */
const turnBytes = 1024 * 1024

/**
 * Finds out how far a part is good and cuts both files there. Sections that a mark covers are
 * trusted; those after the last mark are read and hashed, up to the first that fails.
 */
export async function recoverPart(
  { data, journal }: PartFiles,
  { sectionBytesMax }: InboundConfig
): Promise<RecoveredPart> {
  const { size } = await data.stat()
  const scan: Scan = {
    readAt: fileReadAt(data.fd),
    sectionsBytes: Math.max(0, size - sectionsStart),
    limits: { ...carLimitDefaults, sectionBytesMax, zeroLengthSectionAsEof: false },
    records: new PartRecords()
  }
  const journalSize = (await journal.stat()).size
  const { marked, journalBytes } = await loadMarks(scan, fileReadAt(journal.fd), journalSize)
  await loadUnmarked(scan)
  // The journal first and durably: no old mark may ever stand over what is written anew.
  if (journalBytes < journalSize) {
    await journal.truncate(journalBytes)
    await journal.sync()
  }
  const cutBytes = scan.sectionsBytes - scan.records.end
  if (cutBytes > 0) await data.truncate(sectionsStart + scan.records.end)
  return { records: scan.records, marked, journalBytes, cutBytes }
}

async function loadMarks(
  scan: Scan,
  readJournal: ReadAt,
  journalSize: number
): Promise<{ marked: number; journalBytes: number }> {
  let good = { marked: 0, journalBytes: 0 }
  for (const mark of readMarks(readJournal, journalSize)) {
    if (mark.end > scan.sectionsBytes || !loadMark(scan, mark.records)) break
    good = { marked: scan.records.count, journalBytes: mark.markEnd }
    await setImmediate()
  }
  return good
}

/** False when a CID that only the part has is not what the record says: the mark is not used. */
function loadMark(scan: Scan, marked: Uint8Array): boolean {
  const view = new DataView(marked.buffer, marked.byteOffset, marked.length)
  let cursor: SectionCursor | undefined
  for (let position = 0; position < marked.length; position += recordBytes) {
    const digest = marked.subarray(position, position + recordDigestBytes)
    const location = decodeLocation(view, position + recordDigestBytes)
    if (!isOther(view, position)) {
      scan.records.add({ code: sha256Code, digest }, location)
      continue
    }
    cursor ??= cursorFrom(scan, location.offset)
    if (!seek(cursor, location.offset) || cursor.headLength !== location.headLength) return false
    const full = Uint8Array.from(cursor.digest())
    const padded = padDigest(full, new Uint8Array(recordDigestBytes))
    if (Buffer.compare(padded, digest) !== 0) return false
    scan.records.add({ code: cursor.hashCode, digest: full }, location)
  }
  return true
}

/** Moves to the section at `offset`; false when none that can be read is there. */
function seek(cursor: SectionCursor, offset: number): boolean {
  try {
    while (cursor.next()) {
      if (cursor.offset >= offset) return cursor.offset === offset
    }
    return false
  } catch (error) {
    if (isTorn(error)) return false
    throw error
  }
}

async function loadUnmarked(scan: Scan): Promise<void> {
  const cursor = cursorFrom(scan, scan.records.end)
  let turn = 0
  while (loadSection(scan, cursor)) {
    turn += cursor.headLength + cursor.dataLength
    if (turn < turnBytes) continue
    turn = 0
    await setImmediate()
  }
}

/** Adds the next section when it is whole and its block is what its CID says. */
function loadSection({ readAt, records }: Scan, cursor: SectionCursor): boolean {
  try {
    if (!cursor.next()) return false
    const { offset, headLength, dataLength } = cursor
    const position = sectionsStart + offset
    const cid = decodeCid(cursor.cidBytes().slice(), position)
    if (!provesItsBlock(cid) || records.find(cid.multihash) !== undefined) return false
    const what = { length: dataLength, what: 'in a block' }
    verify(cid, readExactly(readAt, position + headLength, what))
    records.add(cid.multihash, { headLength, dataLength, flags: flagsOf(cid), codec: cid.code })
    return true
  } catch (error) {
    if (isTorn(error)) return false
    throw error
  }
}

/** An identity CID has no section of ours, and an empty digest fits all bytes. */
function provesItsBlock(cid: CID): boolean {
  return inlineBytes(cid) === undefined && cid.multihash.digest.length > 0
}

function cursorFrom({ readAt, sectionsBytes, limits }: Scan, offset: number): SectionCursor {
  const span = { payloadBase: sectionsStart, payloadSize: sectionsBytes, headerLength: offset }
  return new SectionCursor(readAt, span, limits)
}

function isTorn(error: unknown): boolean {
  return (
    error instanceof CarInvalidError ||
    error instanceof CarLimitError ||
    error instanceof CarTruncatedError ||
    error instanceof BlockMismatchError ||
    error instanceof HashUnsupportedError
  )
}
