import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../abort.ts'
import type { Indexer } from '../cix/indexer.ts'
import { encodeSealedPage, openPageEnd, sectionsStart } from './first-page.ts'
import type { PartRequest } from './first-page.ts'
import { journalOf } from './part-files.ts'
import type { PartRecords } from './part-records.ts'
import type { PartWriter } from './part-writer.ts'

export interface SealOptions extends AbortOptions {
  /** Of the CAR's header; none is allowed. */
  readonly roots: readonly CID[]
  readonly indexer: Pick<Indexer, 'sealPart'>
}

/** What a sealed CAR is. Sizes in bytes. */
export interface SealedCar {
  readonly path: string
  /** dataOffset of the CARv2. */
  readonly payloadBase: number
  /** CARv1 header and sections. */
  readonly payloadSize: number
  readonly roots: readonly CID[]
  readonly blocks: number
  readonly sections: number
  /** Of all blocks. */
  readonly bytes: number
}

/** A part that nothing is appended to while it is sealed. */
interface SealingPart {
  readonly path: string
  readonly request: PartRequest
  readonly records: PartRecords
  readonly writer: PartWriter
}

/**
 * Writes what makes a part a CARv2: sections, sync, index, CARv1 header, sync, CARv2 header, sync.
 * Until the last of these it is an open part, and from then on a whole CAR, whatever its name. Its
 * `.cix` is made like that of any other CAR, when it is registered and has an id.
 *
 * @throws CAR_LIMIT, RESOURCE_EXHAUSTED, WRITER_POISONED, what the indexer throws
 */
export async function sealPart(part: SealingPart, options: SealOptions): Promise<SealedCar> {
  const { path, records, writer } = part
  const { roots } = options
  const page = encodeSealedPage(roots, records.end)
  await writer.mark()
  await writeIndex(part, page.headerLength, options)
  // The resume record goes with the very write that makes the CAR whole, even where it and a long
  // CARv1 header share bytes.
  const recordEnd = openPageEnd(part.request)
  await writer.writePage(page.bytes.subarray(recordEnd), recordEnd)
  await writer.writePage(page.bytes.subarray(0, recordEnd), 0)
  const { payloadBase, payloadSize } = page
  const counts = { blocks: records.count, sections: records.count, bytes: records.dataBytes }
  return { path, payloadBase, payloadSize, roots, ...counts }
}

/**
 * The index after the sections, made from the journal. A failure leaves nothing after them. `signal`
 * is looked at before and after: the index itself is made in one go.
 */
async function writeIndex(
  { path, records, writer }: SealingPart,
  headerLength: number,
  { indexer, signal }: SealOptions
): Promise<void> {
  signal?.throwIfAborted()
  const place = { sectionsStart, sectionsBytes: records.end, headerLength }
  const files = { partPath: path, partIndexPath: journalOf(path) }
  try {
    await indexer.sealPart({ ...files, ...place })
    signal?.throwIfAborted()
  } catch (error) {
    await writer.cutAfterSections()
    throw error
  }
}
