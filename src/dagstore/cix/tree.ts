/**
 * Sorted keys as a static search tree: the (B+1)-ary Eytzinger order. Node j holds `keysPerNode`
 * ascending keys in slots `j * B … j * B + B - 1`, the last node perhaps fewer; its children are
 * `(B+1) * j + 1 + i` for i from 0 to B. A search visits ever higher nodes, so that it only moves
 * forward in the file.
 *
 * Khuong and Morin, "Array layouts for comparison-based searching", https://arxiv.org/abs/1509.05053
 */
export interface TreeShape {
  readonly count: number
  readonly keysPerNode: number
}

export function nodeCountOf({ count, keysPerNode }: TreeShape): number {
  return Math.ceil(count / keysPerNode)
}

/** Child `slot` (0 to B) of `node`; at or past the node count it does not exist. */
export function childOf(shape: TreeShape, node: number, slot: number): number {
  return (shape.keysPerNode + 1) * node + 1 + slot
}

/** Keys in `node`. */
export function keysIn(shape: TreeShape, node: number): number {
  return Math.min(shape.keysPerNode, shape.count - node * shape.keysPerNode)
}

/** Levels of the tree, the root's counted. */
export function depthOf(shape: TreeShape): number {
  const nodes = nodeCountOf(shape)
  let depth = 0
  for (let first = 0; first < nodes; first = childOf(shape, first, 0)) depth += 1
  return depth
}

/** Slots of one node that take keys which follow one another. */
export interface SlotRun {
  /** Of the root it is 0. */
  readonly depth: number
  readonly node: number
  readonly slot: number
  readonly count: number
}

/**
 * Calls `place` for all slots in ascending order of key: a leaf's all at once, another node's one by
 * one. On each depth nodes come from left to right, and a node's slots one after another: a writer
 * needs one buffer for each depth.
 */
export function inOrder(shape: TreeShape, place: (run: SlotRun) => void): void {
  const nodes = nodeCountOf(shape)
  const visit = (node: number, depth: number): void => {
    const keys = keysIn(shape, node)
    if (childOf(shape, node, 0) >= nodes) {
      place({ depth, node, slot: 0, count: keys })
      return
    }
    for (let slot = 0; slot <= keys; slot++) {
      const child = childOf(shape, node, slot)
      if (child < nodes) visit(child, depth + 1)
      if (slot < keys) place({ depth, node, slot, count: 1 })
    }
  }
  if (nodes > 0) visit(0, 0)
}
