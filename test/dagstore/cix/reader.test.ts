import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Block } from '../../../src/block.ts'
import { digestOf } from '../../../src/hash.ts'
import type { Location } from '../../../src/dagstore/cix/location.ts'
import { CixReader } from '../../../src/dagstore/cix/reader.ts'
import { carV1, cidV0Block, identityBlock, rawBlock, sectionStarts } from '../car/sample-cars.ts'
import { indexOf, openIndex, readAtAsyncOf } from './memory-index.ts'

function hashedBlock(code: number, length: number, text: string): Block {
  const bytes = Buffer.from(text)
  return { cid: CID.createV1(0x71, create(code, digestOf(code, bytes, length))), bytes }
}

function numbered(count: number): Block[] {
  return Array.from({ length: count }, (_, at) => rawBlock(Buffer.from(`block ${at}`)))
}

/** Where the sections of `of` stand, and what their CIDs are, as an index is to say it. */
function expected(blocks: readonly Block[], { of }: { of: CID }): Location[] {
  const starts = sectionStarts([], blocks)
  const same = [...blocks.entries()].filter(([, { cid }]) =>
    Buffer.from(cid.multihash.bytes).equals(of.multihash.bytes)
  )
  return same.map(([ordinal, { cid, bytes }]) => {
    const offset = starts[ordinal]!
    const headLength = starts[ordinal + 1]! - offset - bytes.length
    const more = same.length > 1 && ordinal === same[0]![0] ? 4 : 0
    const flags = (cid.version === 0 ? 1 : 0) | (cid.multihash.code === 0 ? 2 : 0) | more
    return { offset, dataLength: bytes.length, headLength, flags, codec: cid.code, ordinal }
  })
}

async function find(reader: CixReader, { multihash }: CID): Promise<Location[]> {
  return reader.find(multihash.code, multihash.digest)
}

const kinds = [
  (text: string) => rawBlock(Buffer.from(text)),
  (text: string) => cidV0Block(Buffer.from(text)),
  (text: string) => identityBlock(Buffer.from(text)),
  (text: string) => hashedBlock(0xb220, 32, text),
  (text: string) => hashedBlock(0x13, 64, text),
  (text: string) => hashedBlock(0x12, 20, text),
  (text: string) => hashedBlock(0x12, 3, text)
]

describe('CixReader', () => {
  it('finds every section of every multihash, whatever the mix', async () => {
    const block = fc.record({
      kind: fc.nat({ max: kinds.length - 1 }),
      text: fc.string({ maxLength: 3 })
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(block, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        async (list, keysPerNode) => {
          const blocks = list.map(({ kind, text }) => kinds[kind]!(text))
          const reader = await openIndex(indexOf(carV1([], blocks), { keysPerNode }))
          for (const { cid } of blocks) {
            assert.deepEqual(await find(reader, cid), expected(blocks, { of: cid }))
          }
          await reader.verifyBody()
          assert.equal(reader.facts.sectionCount, blocks.length)
        }
      )
    )
  })

  it('does not find what is not there', async () => {
    const reader = await openIndex(indexOf(carV1([], numbered(500))))
    for (let at = 500; at < 600; at++) {
      assert.deepEqual(await find(reader, rawBlock(Buffer.from(`block ${at}`)).cid), [])
    }
    assert.deepEqual(await find(reader, hashedBlock(0x13, 64, 'block 1').cid), [])
    assert.deepEqual(await find(await openIndex(indexOf(carV1([], []))), numbered(1)[0]!.cid), [])
  })

  it('returns at most locationsMax sections of one multihash, the first ones', async () => {
    const [block] = numbered(1)
    const index = indexOf(carV1([], [...numbered(10), ...Array<Block>(300).fill(block!)]))
    for (const [locationsMax, ordinals] of [
      [1, [0]],
      [3, [0, 10, 11]]
    ] as const) {
      const locations = await find(await openIndex(index, { locationsMax }), block!.cid)
      assert.deepEqual(
        locations.map(each => each.ordinal),
        ordinals
      )
    }
    const all = await find(await openIndex(index, { locationsMax: 301 }), block!.cid)
    assert.deepEqual(
      all.map(each => each.ordinal),
      [0, ...Array.from({ length: 300 }, (_, at) => at + 10)]
    )
  })

  it('marks the block that a root names', async () => {
    const blocks = numbered(3)
    const reader = await openIndex(indexOf(carV1([blocks[1]!.cid], blocks)))
    const flags = await Promise.all(
      blocks.map(async ({ cid }) => (await find(reader, cid))[0]?.flags)
    )
    assert.deepEqual(flags, [0, 8, 0])
  })

  it('lists each multihash once, with its first section', async () => {
    const blocks = [...numbered(5000), ...numbered(10), identityBlock(Buffer.from('me'))]
    const reader = await openIndex(indexOf(carV1([], blocks)))
    const ordinals: number[] = []
    for await (const { hashCode, digest, location } of reader.entries()) {
      const { multihash } = blocks[location.ordinal]!.cid
      assert.equal(hashCode, multihash.code)
      assert.deepEqual(Buffer.from(digest), Buffer.from(multihash.digest))
      ordinals.push(location.ordinal)
    }
    const firsts = [...Array(5000).keys(), 5010]
    assert.deepEqual(
      ordinals.sort((a, b) => a - b),
      firsts
    )
    assert.equal(reader.facts.blockCount, firsts.length)
  })

  it('gives back what is private to the store', async () => {
    const facts = { key: 'a key', mount: 'file:///a.car', id: 7, generation: 2 }
    const reader = await openIndex(indexOf(carV1([], numbered(2)), { private: facts }))
    assert.deepEqual(reader.facts.private, facts)
  })

  it('reads no more than a node a level, going forward, after the root', async () => {
    const blocks = numbered(20_000)
    const index = indexOf(carV1([], blocks))
    const reads: { position: number; length: number }[] = []
    const read = readAtAsyncOf(index)
    const reader = await CixReader.open(async (target, position) => {
      reads.push({ position, length: target.length })
      return read(target, position)
    }, index.length)
    for (const { cid } of blocks.slice(0, 200)) await find(reader, cid)
    for (const { cid } of blocks.slice(200, 400)) {
      reads.length = 0
      assert.equal((await find(reader, cid)).length, 1)
      assert.ok(reads.length <= 2)
      assert.ok(reads.every(({ length }) => length <= 63 * 56))
      assert.ok(reads.every(({ position }, at) => at === 0 || position > reads[at - 1]!.position))
    }
  })

  it('says that a node is corrupt rather than that a block is not there', async () => {
    const blocks = numbered(300)
    const index = indexOf(carV1([], blocks))
    const nodes = index.subarray(4 + 80 + 2 * 40, 4 + 80 + 2 * 40 + 300 * 56)
    for (let at = 0; at < nodes.length; at += 509) {
      nodes[at]! ^= 4
      const reader = await openIndex(index)
      const found = await Promise.allSettled(blocks.map(async ({ cid }) => find(reader, cid)))
      const errors = found.flatMap(each => (each.status === 'rejected' ? [each.reason] : []))
      assert.ok(errors.length > 0 && errors.every(error => error.code === 'INDEX_CORRUPT'))
      assert.ok(found.every(each => each.status === 'rejected' || each.value.length === 1))
      await assert.rejects(reader.verifyBody(), { code: 'INDEX_CORRUPT' })
      nodes[at]! ^= 4
    }
  })

  it('is refused when cut at any byte or any byte is changed', async () => {
    const index = indexOf(carV1([], [...numbered(8), ...numbered(3)]), {
      keysPerNode: 2,
      private: { key: 'k', mount: 'm', id: 1, generation: 1 }
    })
    const readAll = async (bytes: Buffer): Promise<void> => (await openIndex(bytes)).verifyBody()
    await readAll(index)
    for (let at = 0; at < index.length; at++) {
      await assert.rejects(readAll(index.subarray(0, at)), { code: 'INDEX_CORRUPT' })
      const changed = Buffer.from(index)
      changed[at]! ^= 1
      await assert.rejects(readAll(changed), { code: /^INDEX_/ })
    }
  })

  it('refuses bytes after the end', async () => {
    const index = Buffer.concat([indexOf(carV1([], numbered(3))), Buffer.of(0)])
    await assert.rejects(openIndex(index), { code: 'INDEX_CORRUPT' })
  })

  it('reads an index at each limit and refuses it one below', async () => {
    const facts = { key: 'k', mount: 'm', id: 1, generation: 1 }
    const index = indexOf(carV1([], numbered(100)), { keysPerNode: 63, private: facts })
    const privateBytes = index.length - 8 - index.indexOf(Buffer.from([0xa4, 0x62]))
    const limits = {
      indexBytesMax: index.length,
      partsMax: 3,
      nodeBytesMax: 63 * 56,
      privateBytesMax: privateBytes
    }
    for (const [name, limit] of Object.entries(limits)) {
      await openIndex(index, { [name]: limit })
      await assert.rejects(
        openIndex(index, { [name]: limit - 1 }),
        { code: 'INDEX_UNSUPPORTED' },
        name
      )
    }
  })

  it('ends at once when it is called off, with the reason given', async () => {
    const reader = await openIndex(indexOf(carV1([], numbered(3))))
    const signal = AbortSignal.abort(new Error('enough'))
    const { digest } = numbered(1)[0]!.cid.multihash
    await assert.rejects(reader.find(0x12, digest, { signal }), { message: 'enough' })
    await assert.rejects(reader.verifyBody({ signal }), { message: 'enough' })
    await assert.rejects(reader.entries({ signal }).next(), { message: 'enough' })
  })
})
