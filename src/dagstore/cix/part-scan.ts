import { CID } from 'multiformats/cid'
import type { ReadAt } from '../car/read-at.ts'
import { CarInvalidError, CarTruncatedError } from '../errors.ts'
import { isOther, readMarks, recordBytes, recordDigestBytes } from '../inbound/part-index.ts'
import { decodeLocation, type Location } from './location.ts'
import type { DigestSource } from './records.ts'
import type { ScanInto } from './scan.ts'

const sha256Code = 0x12

/** An inbound part and its journal, open. */
export interface PartFiles {
  readonly readPart: ReadAt
  readonly readJournal: ReadAt
  readonly journalBytes: number
  /** Where the sections start in the part: offsets in the journal count from here. */
  readonly sectionsStart: number
  readonly sectionsBytes: number
  /** What the offsets grow by: the CARv1 header stands before the sections. */
  readonly headerLength: number
}

/**
 * Adds the sections of a part to `sets`, out of its journal: the part itself is read only for
 * multihashes that the journal has no room for.
 *
 * @throws CAR_TRUNCATED when the journal does not cover all sections, CAR_INVALID when a section is
 *   not where it says
 */
export function scanPart(files: PartFiles, { sets, checkpoint }: ScanInto): void {
  const digest = new JournalDigest()
  let end = 0
  for (const mark of readMarks(files.readJournal, files.journalBytes)) {
    checkpoint()
    const { records } = mark
    const view = new DataView(records.buffer, records.byteOffset, records.length)
    for (let at = 0; at < records.length; at += recordBytes) {
      const location = decodeLocation(view, at + recordDigestBytes)
      const placed = { ...location, offset: location.offset + files.headerLength }
      if (isOther(view, at)) {
        const { code, digest: full } = readMultihash(files, location)
        sets.of(code, full.length).add({ copyDigest: (target, to) => target.set(full, to) }, placed)
      } else {
        sets.of(sha256Code, recordDigestBytes).add(digest.at(records, at), placed)
      }
    }
    end = mark.end
  }
  if (end !== files.sectionsBytes) {
    const what = `the journal covers ${end} of ${files.sectionsBytes} bytes of sections`
    throw new CarTruncatedError(what, files.sectionsStart + end)
  }
}

/** The digest in a record of the journal; one for all of them. */
class JournalDigest implements DigestSource {
  #records: Uint8Array = new Uint8Array(0)
  #from = 0

  at(records: Uint8Array, from: number): this {
    this.#records = records
    this.#from = from
    return this
  }

  copyDigest(target: Uint8Array, to: number): void {
    for (let i = 0; i < recordDigestBytes; i++) target[to + i] = this.#records[this.#from + i]!
  }
}

/** The multihash of a section, from the section itself. */
function readMultihash(
  { readPart, sectionsStart }: PartFiles,
  { offset, headLength }: Location
): CID['multihash'] {
  const position = sectionsStart + offset
  const head = new Uint8Array(headLength)
  if (readPart(head, position) < headLength) {
    throw new CarTruncatedError('in the head of a section', position)
  }
  const cidAt = head.findIndex(byte => byte < 0x80) + 1
  try {
    return CID.decode(head.subarray(cidAt)).multihash
  } catch (cause) {
    throw new CarInvalidError('invalid CID of a section', position, { cause })
  }
}
