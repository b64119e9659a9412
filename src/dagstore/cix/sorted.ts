import type { CID } from 'multiformats/cid'
import { locationFlags } from './location.ts'
import type { RecordSet, RecordSets } from './records.ts'
import { RepeatList } from './repeat-list.ts'

/** A record set in order of digest. */
export interface SortedSet {
  readonly set: RecordSet
  /** Records by digest, ascending; of equal ones only the first section's. */
  readonly order: Uint32Array
}

/** What a CAR holds, ready to be written as an index. */
export interface SortedSections {
  readonly sets: readonly SortedSet[]
  readonly repeats: RepeatList
}

/** Sorts all sets and takes the repeats apart; marks the records that have some. */
export function sortSections(sets: RecordSets): SortedSections {
  const repeats = new RepeatList()
  const sorted = sets.all().map(set => {
    const order = set.sort((first, at) => {
      set.flag(first, locationFlags.more)
      repeats.add(set, at, set.locationOf(first).ordinal)
    })
    return { set, order }
  })
  repeats.sort()
  return { sets: sorted, repeats }
}

/** Records that are warmed at once: they fit the processor's second-level cache. */
const warmRecords = 256

/** The records of a set in order of digest, some at a time, each quick to reach. */
export function* warmRuns({ set, order }: SortedSet): Generator<Uint32Array> {
  for (let from = 0; from < order.length; from += warmRecords) {
    const run = order.subarray(from, from + warmRecords)
    set.warm(run)
    yield run
  }
}

/** Marks the blocks that a root of the header names, by multihash. */
export function markRoots({ sets }: SortedSections, roots: readonly CID[]): void {
  for (const { multihash } of roots) {
    const { code, digest } = multihash
    const sorted = sets.find(
      ({ set }) => set.hashCode === code && set.digestLength === digest.length
    )
    const at = sorted === undefined ? undefined : findIn(sorted, digest)
    if (at !== undefined) sorted?.set.flag(at, locationFlags.root)
  }
}

function findIn({ set, order }: SortedSet, digest: Uint8Array): number | undefined {
  let from = 0
  let to = order.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (set.compare(order[middle]!, digest) < 0) from = middle + 1
    else to = middle
  }
  const at = order[from]
  return at !== undefined && set.compare(at, digest) === 0 ? at : undefined
}
