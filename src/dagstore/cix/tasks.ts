import { fstatSync } from 'node:fs'
import { CID } from 'multiformats/cid'
import { type CarLayout, readLayout } from '../car/header.ts'
import { encodeMultihashIndex, type MultihashIndexEntry } from '../car/multihash-index.ts'
import { fileReadAt } from '../car/read-at.ts'
import { fingerprinter } from '../lookup/fingerprint.ts'
import { sectionOrders } from './format.ts'
import type {
  CixTarget,
  IndexedLayout,
  IndexReport,
  IndexRequest,
  SealReport,
  SealRequest
} from './jobs.ts'
import type { WriteAt } from './node-writer.ts'
import { scanPart } from './part-scan.ts'
import { RecordSets } from './records.ts'
import { identityCode, type Scan, scanCar, type ScanInto } from './scan.ts'
import {
  inFileOrder,
  markRoots,
  type SortedSections,
  type SortedSet,
  sortSections,
  warmRuns
} from './sorted.ts'
import { type CixSubject, writeCix } from './write.ts'
import { fileWriteAt, withFile, writeBeside } from './write-beside.ts'

/**
 * Scans the CAR and writes its `.cix`. Blocks the thread: for workers. `checkpoint` is called now
 * and then, and throws to stop; nothing is left behind then.
 *
 * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED, INDEX_UNSUPPORTED, and the system's own errors
 */
export function indexCar(request: IndexRequest, checkpoint: () => void): IndexReport {
  const { carPath, cix, secret, limits } = request
  using sets = new RecordSets()
  const { layout, scan } = withFile(carPath, 'r', fd => {
    const readAt = fileReadAt(fd)
    const found = readLayout(readAt, fstatSync(fd).size, limits)
    return { layout: found, scan: scanCar(readAt, found, { limits, sets, checkpoint }) }
  })
  const sorted = sortSections(sets)
  const { payloadBase, payloadSize, roots } = layout
  markRoots(sorted, roots)
  checkpoint()
  const cixBytes = writeTarget(cix, sorted, {
    payloadBase,
    payloadSize,
    sectionCount: scan.sections,
    complete: scan.complete,
    order: sectionOrders.unknown
  })
  return { layout: plainLayout(layout), cixBytes, ...reportOf(scan, sorted, secret) }
}

/**
 * Writes the 0x0401 index after the sections of a part, not synced, and the part's `.cix` where one
 * is asked for. As `indexCar` otherwise.
 */
export function sealPart(request: SealRequest, checkpoint: () => void): SealReport {
  const { sectionsStart, sectionsBytes, headerLength } = request
  using sets = new RecordSets()
  const scan = scanFiles(request, { sets, checkpoint })
  const sorted = sortSections(sets)
  markRoots(sorted, request.roots.map(decodeCid))
  checkpoint()
  const indexOffset = sectionsStart + sectionsBytes
  const indexBytes = withFile(request.partPath, 'r+', fd =>
    writeMultihashIndex(fileWriteAt(fd), sorted, indexOffset)
  )
  const cixBytes = writeTarget(request.cix, sorted, {
    payloadBase: sectionsStart - headerLength,
    payloadSize: headerLength + sectionsBytes,
    sectionCount: scan.sections,
    complete: scan.complete,
    order: sectionOrders.insertion
  })
  return { indexOffset, indexBytes, cixBytes, ...reportOf(scan, sorted, request.secret) }
}

function scanFiles(request: SealRequest, into: ScanInto): Scan {
  return withFile(request.partPath, 'r', part =>
    withFile(request.partIndexPath, 'r', journal =>
      scanPart(
        {
          ...request,
          readPart: fileReadAt(part),
          readJournal: fileReadAt(journal),
          journalBytes: fstatSync(journal).size
        },
        into
      )
    )
  )
}

/** Returns the length of the index; 0 when none is asked for. */
function writeTarget(
  target: CixTarget | undefined,
  sorted: SortedSections,
  subject: CixSubject
): number {
  if (target === undefined) return 0
  const whole = { ...subject, private: target.private }
  return writeBeside(target.path, write => writeCix(write, sorted, whole))
}

/** Returns the length of the index. */
function writeMultihashIndex(write: WriteAt, { sets }: SortedSections, start: number): number {
  const buckets = sets.map(sorted => ({
    hashCode: sorted.set.hashCode,
    digestLength: sorted.set.digestLength,
    count: sorted.order.length,
    entries: entriesOf(sorted)
  }))
  let position = start
  for (const chunk of encodeMultihashIndex(buckets)) {
    write(chunk, position)
    position += chunk.length
  }
  return position - start
}

function* entriesOf(sorted: SortedSet): Generator<MultihashIndexEntry> {
  const { set } = sorted
  for (const run of warmRuns(sorted)) {
    for (const at of run) yield { digest: set.digestOf(at), offset: set.locationOf(at).offset }
  }
}

function reportOf(
  { sections, dataBytes, identities }: Scan,
  { sets }: SortedSections,
  secret: Uint8Array
): Omit<SealReport, 'indexOffset' | 'indexBytes' | 'cixBytes'> {
  const named = sets.filter(({ set }) => set.hashCode !== identityCode)
  const blocks = named.reduce((sum, { order }) => sum + order.length, 0)
  const fingerprints = new Float64Array(blocks)
  const fingerprint = fingerprinter(secret)
  let next = 0
  for (const sorted of named) {
    const { set } = sorted
    const { hashCode, digestLength } = set
    for (const at of inFileOrder(sorted)) {
      const bytes = set.slabOf(at)
      fingerprints[next++] = fingerprint(hashCode, bytes, set.positionOf(at), digestLength)
    }
  }
  return { blocks, sections, dataBytes, identities, fingerprints }
}

function decodeCid(bytes: Uint8Array): CID {
  return CID.decode(bytes)
}

function plainLayout({ roots, ...layout }: CarLayout): IndexedLayout {
  return { ...layout, roots: roots.map(root => root.bytes) }
}
