import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { childOf, depthOf, inOrder, keysIn, nodeCountOf } from '../../../src/dagstore/cix/tree.ts'

/** Keys 0 to count - 1 in the order that they have in the file. */
function layout(count: number, keysPerNode: number): number[] {
  const keys: number[] = []
  let next = 0
  inOrder({ count, keysPerNode }, run => {
    const first = run.node * keysPerNode + run.slot
    for (let slot = 0; slot < run.count; slot++) keys[first + slot] = next++
  })
  return keys
}

/** Nodes that a search for `key` reads, and whether it found the key. */
function search(
  keys: number[],
  keysPerNode: number,
  key: number
): { path: number[]; found: boolean } {
  const shape = { count: keys.length, keysPerNode }
  const path: number[] = []
  for (let node = 0; node < nodeCountOf(shape);) {
    path.push(node)
    const own = keys.slice(node * keysPerNode, node * keysPerNode + keysIn(shape, node))
    if (own.includes(key)) return { path, found: true }
    node = childOf(shape, node, own.filter(each => each < key).length)
  }
  return { path, found: false }
}

describe('search tree', () => {
  it('has the layouts of the specification', () => {
    const from1 = layout(7, 1).map(key => key + 1)
    assert.deepEqual(from1, [4, 2, 6, 1, 3, 5, 7])
    assert.deepEqual(layout(10, 1), [6, 3, 8, 1, 5, 7, 9, 0, 2, 4])
    assert.deepEqual(layout(8, 2), [2, 5, 0, 1, 3, 4, 6, 7])
  })

  for (const keysPerNode of [1, 2, 3, 7, 16, 63, 255]) {
    it(`finds every key, and only going forward, with ${keysPerNode} keys a node`, () => {
      for (const count of [0, 1, 2, 3, 10, 62, 63, 64, 65, 126, 255, 256, 1000, 4097]) {
        const keys = layout(count, keysPerNode)
        const depth = depthOf({ count, keysPerNode })
        for (let key = -1; key <= count; key++) {
          const { path, found } = search(keys, keysPerNode, key)
          assert.equal(found, key >= 0 && key < count, `key ${key} of ${count}`)
          assert.ok(path.every((node, at) => at === 0 || node > path[at - 1]!))
          assert.ok(path.length <= depth)
        }
      }
    })
  }

  it('fills the nodes of each depth from left to right', () => {
    const last = new Map<number, number>()
    inOrder({ count: 1000, keysPerNode: 3 }, ({ depth, node, slot, count }) => {
      const place = node * 3 + slot
      assert.equal(place, last.get(depth) ?? place)
      last.set(depth, place + count)
    })
    assert.equal(last.size, depthOf({ count: 1000, keysPerNode: 3 }))
  })
})
