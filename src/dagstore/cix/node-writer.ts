import { crc32 } from 'node:zlib'
import { childOf, depthOf, inOrder, nodeCountOf, type TreeShape } from './tree.ts'
import type { SortedSet } from './sorted.ts'

/** Writes all of `bytes` at `position`. */
export type WriteAt = (bytes: Uint8Array, position: number) => void

/** Bytes that one depth of the tree gathers before they are written. */
const levelBytes = 64 * 1024

/** The nodes of one depth: they are filled from left to right, so that one buffer is enough. */
interface Level {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Node that begins the buffer. */
  firstNode: number
  /** Bytes filled. */
  filled: number
}

/**
 * Writes the records of a set as a search tree from `position` on, and returns the CRC-32 of each
 * node, in node order.
 */
export function writeNodes(
  { set, order }: SortedSet,
  { write, position, keysPerNode }: { write: WriteAt; position: number; keysPerNode: number }
): Uint32Array {
  const { width } = set
  const shape = { count: order.length, keysPerNode }
  const nodeBytes = keysPerNode * width
  const checks = new Uint32Array(nodeCountOf(shape))
  const levels = levelsOf(shape, nodeBytes)

  const flush = (level: Level): void => {
    if (level.filled === 0) return
    const bytes = level.bytes.subarray(0, level.filled)
    write(bytes, position + level.firstNode * nodeBytes)
    for (let at = 0; at < level.filled; at += nodeBytes) {
      checks[level.firstNode] = crc32(bytes.subarray(at, at + nodeBytes))
      level.firstNode += 1
    }
    level.filled = 0
  }
  let next = 0
  inOrder(shape, ({ depth, count }) => {
    const level = levels[depth]!
    set.copyTo(level.bytes, level.filled, order.subarray(next, next + count))
    next += count
    level.filled += count * width
    if (level.filled === level.bytes.length) flush(level)
  })
  for (const level of levels) flush(level)
  return checks
}

function levelsOf(shape: TreeShape, nodeBytes: number): Level[] {
  const nodesEach = Math.max(1, Math.min(nodeCountOf(shape), Math.floor(levelBytes / nodeBytes)))
  let firstNode = 0
  return Array.from({ length: depthOf(shape) }, () => {
    const bytes = new Uint8Array(nodesEach * nodeBytes)
    const level = { bytes, firstNode, filled: 0 }
    firstNode = childOf(shape, firstNode, 0)
    return level
  })
}
