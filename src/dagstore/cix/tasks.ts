import { fstatSync } from 'node:fs'
import { type CarLayout, readLayout } from '../car/header.ts'
import { encodeMultihashIndex, type MultihashIndexEntry } from '../car/multihash-index.ts'
import { fileReadAt } from '../car/read-at.ts'
import { type Fingerprinter, fingerprinter } from '../lookup/fingerprint.ts'
import { sectionOrders } from './format.ts'
import type { IndexedLayout, IndexReport, IndexRequest, SealReport, SealRequest } from './jobs.ts'
import type { WriteAt } from './node-writer.ts'
import { scanPart } from './part-scan.ts'
import { RecordSets } from './records.ts'
import { identityCode, type Scan, scanCar, type ScanInto } from './scan.ts'
import { markRoots, type SortedSections, type SortedSet, sortSections, warmRuns } from './sorted.ts'
import { writeCix } from './write.ts'
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
  const subject = {
    payloadBase,
    payloadSize,
    sectionCount: scan.sections,
    complete: scan.complete,
    order: sectionOrders.unknown,
    private: cix.private
  }
  const cixBytes = writeBeside(cix.path, write => writeCix(write, sorted, subject))
  return { layout: plainLayout(layout), cixBytes, ...reportOf(scan, sorted, secret) }
}

/** Writes the 0x0401 index after the sections of a part, not synced. As `indexCar` otherwise. */
export function sealPart(request: SealRequest, checkpoint: () => void): SealReport {
  using sets = new RecordSets()
  scanFiles(request, { sets, checkpoint })
  const sorted = sortSections(sets)
  checkpoint()
  const indexOffset = request.sectionsStart + request.sectionsBytes
  const indexBytes = withFile(request.partPath, 'r+', fd =>
    writeMultihashIndex(fileWriteAt(fd), sorted, indexOffset)
  )
  return { indexOffset, indexBytes }
}

function scanFiles(request: SealRequest, into: ScanInto): void {
  withFile(request.partPath, 'r', part =>
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
): Omit<IndexReport, 'layout' | 'cixBytes'> {
  const named = sets.filter(({ set }) => set.hashCode !== identityCode)
  const blocks = named.reduce((sum, { order }) => sum + order.length, 0)
  const fingerprints = new Float64Array(blocks)
  const fingerprint = fingerprinter(secret)
  let next = 0
  for (const sorted of named) {
    addFingerprints(sorted, fingerprint, fingerprints.subarray(next))
    next += sorted.order.length
  }
  return { blocks, sections, dataBytes, identities, fingerprints }
}

/** In file order, where no record is far from the one before. */
function addFingerprints(
  { set, order }: SortedSet,
  fingerprint: Fingerprinter,
  target: Float64Array
): void {
  const { hashCode, digestLength } = set
  const records = order.length < set.count ? order.toSorted() : undefined
  for (let next = 0; next < order.length; next++) {
    const at = records === undefined ? next : records[next]!
    target[next] = fingerprint(hashCode, set.slabOf(at), set.positionOf(at), digestLength)
  }
}

function plainLayout({ roots, ...layout }: CarLayout): IndexedLayout {
  return { ...layout, roots: roots.map(root => root.bytes) }
}
