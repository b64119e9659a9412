import { crc32 } from 'node:zlib'
import * as dagCbor from '@ipld/dag-cbor'
import { crcJoiner } from './checksum.ts'
import {
  codecBytes,
  duplicates,
  headerFlags,
  partTypes,
  trailerBytes,
  trailerMagic
} from './format.ts'
import { encodeHead, headBytes, type Part } from './head.ts'
import type { PrivateFacts } from './jobs.ts'
import { type WriteAt, writeNodes } from './node-writer.ts'
import type { RepeatList } from './repeat-list.ts'
import { repeatBytes } from './repeats.ts'
import type { SortedSections, SortedSet } from './sorted.ts'
import { nodeCountOf } from './tree.ts'

/** Keys of a search node in the store's own indices: with sha2-256 a node fits a page. */
export const keysPerNodeDefault = 63

/** The CAR that an index is of. */
export interface CixSubject {
  readonly payloadBase: number
  readonly payloadSize: number
  readonly sectionCount: number
  /** Every section is listed. */
  readonly complete: boolean
  /** One of `sectionOrders`. */
  readonly order: number
  readonly private?: PrivateFacts | undefined
}

/**
 * Writes an index through `write` and returns its length. Every byte is written once, not in
 * ascending order of position; none is read back for the sums.
 */
export function writeCix(
  write: WriteAt,
  { sets, repeats }: SortedSections,
  subject: CixSubject,
  keysPerNode: number = keysPerNodeDefault
): number {
  const own = subject.private === undefined ? noBytes : dagCbor.encode(subject.private)
  const parts = place([
    ...sets.map(bucketOf),
    ...(repeats.count === 0 ? [] : [extraOf(repeats)]),
    ...sets.map(sorted => checkOf(sorted, keysPerNode)),
    ...(own.length === 0 ? [] : [{ ...privatePart, length: own.length }])
  ])
  const { complete, ...facts } = subject
  const flags = (complete ? headerFlags.complete : 0) | headerFlags.sizes | headerFlags.check
  const dups = repeats.count === 0 ? duplicates.no : duplicates.yes
  const head = encodeHead({ ...facts, flags, dups, keysPerNode }, parts)
  write(codecBytes, 0)
  write(head, codecBytes.length)

  let sum = crc32(head)
  let position = codecBytes.length + head.length
  const checks: Uint8Array[] = []
  for (const sorted of sets) {
    const nodes = writeNodes(sorted, { write, position, keysPerNode })
    sum = joinNodes(sum, nodes, { nodeBytes: keysPerNode * sorted.set.width, ...bucketOf(sorted) })
    position += bucketOf(sorted).length
    checks.push(encodeChecks(nodes))
  }
  for (const rest of [repeats.encode(), checks, [own]]) {
    for (const bytes of rest) {
      write(bytes, position)
      sum = crc32(bytes, sum)
      position += bytes.length
    }
  }
  write(encodeTrailer(sum), position)
  return position + trailerBytes
}

const noBytes = new Uint8Array(0)
const privatePart = { type: partTypes.private, p0: 0, p1: 0, count: 1 }

type UnplacedPart = Omit<Part, 'offset'>

/** Puts parts one after the other, behind the directory that they need. */
function place(parts: readonly UnplacedPart[]): Part[] {
  let offset = headBytes(parts.length)
  return parts.map(part => {
    const placed = { ...part, offset }
    offset += part.length
    return placed
  })
}

function bucketOf({ set, order }: SortedSet): UnplacedPart {
  const { hashCode: p0, digestLength: p1, width } = set
  return { type: partTypes.bucket, p0, p1, count: order.length, length: order.length * width }
}

function extraOf({ count }: RepeatList): UnplacedPart {
  return { type: partTypes.extra, p0: 0, p1: 0, count, length: count * repeatBytes }
}

function checkOf({ set, order }: SortedSet, keysPerNode: number): UnplacedPart {
  const count = nodeCountOf({ count: order.length, keysPerNode })
  const { hashCode: p0, digestLength: p1 } = set
  return { type: partTypes.check, p0, p1, count, length: count * 4 }
}

/** The CRC of what has `sum` and of a bucket's nodes after it, whose own sums are `nodes`. */
function joinNodes(
  sum: number,
  nodes: Uint32Array,
  { nodeBytes, length }: { nodeBytes: number; length: number }
): number {
  const join = crcJoiner(nodeBytes)
  const joinLast = crcJoiner(length - (nodes.length - 1) * nodeBytes)
  return nodes.reduce(
    (before, node, at) => (at === nodes.length - 1 ? joinLast : join)(before, node),
    sum
  )
}

function encodeChecks(checks: Uint32Array): Uint8Array {
  const bytes = Buffer.alloc(checks.length * 4)
  checks.forEach((check, node) => bytes.writeUInt32LE(check, node * 4))
  return bytes
}

function encodeTrailer(sum: number): Uint8Array {
  const trailer = Buffer.alloc(trailerBytes)
  trailer.writeUInt32LE(sum, 0)
  trailer.writeUInt32LE(trailerMagic, 4)
  return trailer
}
