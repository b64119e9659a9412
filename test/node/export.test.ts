import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CarBlockIterator } from '@ipld/car'
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { identity } from 'multiformats/hashes/identity'
import { sha256 } from 'multiformats/hashes/sha2'
import { carOf, measureDag } from '../../src/node/export.ts'
import { MemoryBlocks } from './memory-blocks.ts'

const limits = { blocksMax: 1000, pendingBytesMax: 100_000 }

async function put(blocks: MemoryBlocks, value: unknown): Promise<CID> {
  const bytes = dagCbor.encode(value)
  return blocks.put(CID.createV1(dagCbor.code, await sha256.digest(bytes)), bytes)
}

async function leafOf(blocks: MemoryBlocks, text: string): Promise<CID> {
  const bytes = Buffer.from(text)
  return blocks.put(CID.createV1(0x55, await sha256.digest(bytes)), bytes)
}

/** root -> (left -> (one, two), identity -> three, right -> (two, left)) */
async function diamond(): Promise<{ blocks: MemoryBlocks; root: CID; order: CID[] }> {
  const blocks = new MemoryBlocks()
  const [one, two, three] = await Promise.all(['1', '2', '3'].map(text => leafOf(blocks, text)))
  const left = await put(blocks, { links: [one, two] })
  const right = await put(blocks, { links: [two, left], side: 'right' })
  const inline = CID.createV1(dagCbor.code, identity.digest(dagCbor.encode([three])))
  const root = await put(blocks, { links: [left, inline, right] })
  return { blocks, root, order: [root, left, one!, two!, three!, right] }
}

describe('carOf', () => {
  it('gives a CARv1 in depth-first pre-order, each block once, through identity blocks', async () => {
    const { blocks, root, order } = await diamond()
    const car = carOf(root, cid => blocks.get(cid), limits)
    const reader = await CarBlockIterator.fromIterable(car)
    assert.deepEqual((await reader.getRoots()).map(String), [root.toString()])
    const cids = await Array.fromAsync(reader, block => block.cid.toString())
    assert.deepEqual(cids, order.map(String))
  })

  it('throws where a block is missing, after all that comes before it', async () => {
    const { blocks, root, order } = await diamond()
    const gap = order.at(-1)
    const seen: string[] = []
    const get = async (cid: CID): Promise<Uint8Array> => {
      seen.push(cid.toString())
      return cid.equals(gap) ? new MemoryBlocks().get(cid) : blocks.get(cid)
    }
    await assert.rejects(Array.fromAsync(carOf(root, get, limits)), { code: 'BLOCK_MISSING' })
    assert.equal(seen.at(-1), gap?.toString())
  })

  it('writes a header alone for a root that is an identity CID', async () => {
    const root = CID.parse('bafkqaaa')
    const car = carOf(root, async cid => cid.multihash.digest, limits)
    const reader = await CarBlockIterator.fromIterable(car)
    assert.deepEqual(await Array.fromAsync(reader), [])
  })
})

describe('measureDag', () => {
  it('counts a whole DAG and reads no leaf of it', async () => {
    const { blocks, root } = await diamond()
    blocks.reads = 0
    const size = await measureDag(root, blocks, { limits })
    assert.equal(size?.blocks, 6)
    assert.equal(blocks.reads, 3)
  })

  it('gives nothing when a block is missing', async () => {
    const { root } = await diamond()
    assert.equal(await measureDag(root, new MemoryBlocks(), { limits }), undefined)
  })
})
