import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CixReader } from '../../../src/dagstore/cix/reader.ts'
import { carV1, rawBlock } from '../car/sample-cars.ts'
import { indexOf, openIndex, readAtAsyncOf } from './memory-index.ts'

/** The index of the format's own test vector: raw blocks "fish", "lobster", "barreleye", root fish. */
const vector = Buffer.from(
  `c38cc001 2801000000000000 0100 4300 01 01 0100 6f01000000000000 be00000000000000
   0300000000000000 01000000 6616016d
   a17850fe594b0ad06c5253e0a13109f85a39eca216be9f8d1a8accc0e5e5968b
   0100 0000 20000000 1200000000000000 7800000000000000 a800000000000000 0300000000000000
   b474a99a2705e23cf905a484ec6d14ef58b56bbe62e9292783466ec363b5072d
   3b00000000000000 04000000 2500 08 00 55000000 00000000
   a2e1c40da1ae335d4dffe729eb4d5ca23b74b9e51fc535f4a804a261080c294d
   6400000000000000 07000000 2500 00 00 55000000 01000000
   dd5d63c5f83c2c7746f2f5c9313dc844a9a5049a275b6d7b6a8db05bd8bb5ff5
   9000000000000000 09000000 2500 00 00 55000000 02000000
   f32c8f08 43495831`.replaceAll(/\s/g, ''),
  'hex'
)
const blocks = ['fish', 'lobster', 'barreleye'].map(text => rawBlock(Buffer.from(text)))
const [fish, lobster, barreleye] = blocks.map(block => block.cid.multihash)

/** Opens the index, searches it, and checks the sum of all of it. */
async function readAll(index: Uint8Array): Promise<void> {
  const reader = await openIndex(index)
  for (const { cid } of blocks) await reader.find(0x12, cid.multihash.digest)
  await reader.verifyBody()
}

describe('test vector of the index format', () => {
  it('has 300 bytes', () => assert.equal(vector.length, 300))

  it('is found in: offsets, heads and lengths', async () => {
    const reader = await openIndex(vector)
    const facts = [fish, lobster, barreleye].map(async multihash => {
      const [location] = await reader.find(0x12, multihash!.digest)
      return [location?.offset, location?.headLength, location?.dataLength, location?.ordinal]
    })
    assert.deepEqual(await Promise.all(facts), [
      [59, 37, 4, 0],
      [100, 37, 7, 1],
      [144, 37, 9, 2]
    ])
    assert.deepEqual(reader.facts, {
      complete: true,
      payloadBase: 367,
      payloadSize: 190,
      sectionCount: 3,
      blockCount: 3,
      private: undefined
    })
    await reader.verifyBody()
  })

  it('is searched going forward', async () => {
    for (const multihash of [fish, lobster, barreleye]) {
      const reads: number[] = []
      const reader = await CixReader.open(readAtAsyncOf(vector, reads), vector.length)
      reads.length = 0
      await reader.find(0x12, multihash!.digest)
      assert.ok(reads.every((position, at) => at === 0 || position > reads[at - 1]!))
    }
  })

  it('has the bucket that the writer makes of the same blocks', () => {
    const index = indexOf(carV1([blocks[0]!.cid], blocks), { keysPerNode: 1, payloadBase: 367 })
    const bucket = vector.subarray(4 + 120, 4 + 120 + 168)
    assert.equal(index.indexOf(bucket), 4 + 80 + 2 * 40)
  })

  it('is refused when cut at any byte', async () => {
    for (let length = 0; length < vector.length; length++) {
      await assert.rejects(readAll(vector.subarray(0, length)), { code: 'INDEX_CORRUPT' })
    }
  })

  it('is refused when any bit is flipped, those of the magic at the end too', async () => {
    for (let bit = 0; bit < vector.length * 8; bit++) {
      const flipped = Buffer.from(vector)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      await assert.rejects(
        readAll(flipped),
        { code: /^INDEX_(CORRUPT|UNSUPPORTED)$/ },
        `bit ${bit}`
      )
    }
  })
})
