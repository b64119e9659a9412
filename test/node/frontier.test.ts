import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { CidSet } from '../../src/node/cid-set.ts'
import { Frontier } from '../../src/node/frontier.ts'

const limits = { blocksMax: 1000, pendingBytesMax: 100_000 }

/** A CID whose digest starts with `number`. */
function cidOf(number: number, codec = 0x55): CID {
  const digest = new Uint8Array(32)
  new DataView(digest.buffer).setUint32(0, number)
  return CID.createV1(codec, create(0x12, digest))
}

describe('CidSet', () => {
  it('knows what was added, over many growths', () => {
    const set = new CidSet()
    for (let round = 0; round < 2; round++) {
      for (let number = 0; number < 20_000; number++) {
        assert.equal(set.add(cidOf(number)), round === 0)
      }
    }
    assert.equal(set.size, 20_000)
  })

  it('takes two codecs of one digest for two, and two versions for one', () => {
    const set = new CidSet()
    const v0 = cidOf(1, 0x70).toV0()
    assert.equal(set.add(v0), true)
    assert.equal(set.add(v0.toV1()), false)
    assert.equal(set.add(cidOf(1, 0x55)), true)
  })
})

describe('Frontier', () => {
  it('gives each block once, in depth-first pre-order, as recursion would', () => {
    const dag = fc.array(fc.array(fc.nat(29), { maxLength: 5 }), { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(dag, links => {
        // Links go to higher numbers only: it is acyclic, as every DAG of hashes.
        const below = (at: number): number[] => (links[at] ?? []).filter(to => to > at)
        const frontier = new Frontier(cidOf(0), limits)
        const walked: number[] = []
        for (let cid = frontier.take(); cid !== undefined; cid = frontier.take()) {
          const at = new DataView(cid.multihash.digest.slice().buffer).getUint32(0)
          walked.push(at)
          frontier.descend(below(at).map(to => cidOf(to)))
        }
        const expected: number[] = []
        const visit = (at: number): void => {
          if (expected.includes(at)) return
          expected.push(at)
          below(at).forEach(visit)
        }
        visit(0)
        assert.deepEqual(walked, expected)
      })
    )
  })

  it('holds one level of a chain of any depth', () => {
    const link = cidOf(0).bytes.length
    const frontier = new Frontier(cidOf(0), { blocksMax: 10_001, pendingBytesMax: link })
    for (let number = 0; number < 10_000; number++) {
      assert.deepEqual(frontier.take(), cidOf(number))
      frontier.descend([cidOf(number + 1)])
    }
  })

  it('stops one past each bound', () => {
    const link = cidOf(0).bytes.length
    const frontier = new Frontier(cidOf(0), { blocksMax: 2, pendingBytesMax: 2 * link })
    frontier.take()
    frontier.descend([cidOf(1), cidOf(2)])
    assert.throws(() => frontier.descend([cidOf(3)]), { code: 'LIMIT_EXCEEDED' })
    frontier.take()
    assert.throws(() => frontier.take(), { code: 'LIMIT_EXCEEDED' })
  })
})
