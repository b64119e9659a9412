import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import { readLayout } from '../../../src/dagstore/car/header.ts'
import {
  decodeOpenPage,
  encodeOpenPage,
  encodeSealedPage,
  openPageEnd,
  sectionsStart
} from '../../../src/dagstore/inbound/first-page.ts'
import { sampleBlock, sampleBlocks, sampleBlockV0 } from './sample-blocks.ts'

const root = sampleBlock(0).cid

describe('first-page', () => {
  it('says what an open part is for, with CIDs of both versions', () => {
    for (const cid of [root, sampleBlockV0(1).cid, CID.parse('bafkqaaa')]) {
      const page = encodeOpenPage({ root: cid })
      assert.equal(page.length, sectionsStart)
      assert.deepEqual(decodeOpenPage(page)?.root.bytes, cid.bytes)
      const end = openPageEnd({ root: cid })
      assert.ok(page.subarray(end).every(byte => byte === 0))
    }
  })

  it('has an empty CARv2 header while open, and the resume record at byte 51', () => {
    const page = Buffer.from(encodeOpenPage({ root }))
    assert.equal(page.subarray(0, 11).toString('hex'), '0aa16776657273696f6e02')
    assert.ok(page.subarray(11, 51).every(byte => byte === 0))
    assert.equal(page.readUInt32LE(51), openPageEnd({ root }) - 59)
  })

  it('does not read a record in which any byte is flipped, or a page of zeros', () => {
    const page = encodeOpenPage({ root })
    for (let at = 51; at < openPageEnd({ root }); at++) {
      const flipped = Uint8Array.from(page)
      flipped[at]! ^= 0x04
      assert.equal(decodeOpenPage(flipped), undefined, `flipped at ${at}`)
    }
    assert.equal(decodeOpenPage(new Uint8Array(sectionsStart)), undefined)
  })

  it('refuses a root whose record does not fit', () => {
    const long = (length: number): CID => CID.createV1(0x55, create(0x00, new Uint8Array(length)))
    assert.ok(encodeOpenPage({ root: long(1900) }))
    assert.throws(() => encodeOpenPage({ root: long(2100) }), { code: 'CAR_LIMIT' })
  })

  it('puts the header of one root at 4037', () => {
    const page = encodeSealedPage([root], 1000)
    assert.equal(page.payloadBase, 4037)
    assert.equal(page.headerLength, 59)
    assert.equal(page.payloadSize, 1059)
    const bytes = Buffer.from(page.bytes)
    const header = `3aa265726f6f747381d82a582500${Buffer.from(root.bytes).toString('hex')}6776657273696f6e01`
    assert.equal(bytes.subarray(4037).toString('hex'), header)
    assert.equal(bytes[11], 0x80, 'fully indexed')
    assert.deepEqual(
      [27, 35, 43].map(at => bytes.readBigUInt64LE(at)),
      [4037n, 1059n, 5096n]
    )
    assert.ok(bytes.subarray(51, 4037).every(byte => byte === 0))
  })

  for (const count of [0, 1, 23, 24, 97, 98]) {
    it(`is read back with ${count} roots`, () => {
      const roots = sampleBlocks(count).map(block => block.cid)
      const { bytes, payloadBase, headerLength } = encodeSealedPage(roots, 0)
      const file = Buffer.concat([bytes, Buffer.alloc(1)])
      const readAt = (target: Uint8Array, position: number): number =>
        file.copy(target, 0, position, position + target.length)
      const layout = readLayout(readAt, file.length, carLimitDefaults)
      assert.deepEqual(layout.roots.map(String), roots.map(String))
      assert.equal(layout.payloadBase, payloadBase)
      assert.equal(layout.headerLength, headerLength)
    })
  }

  it('refuses 99 roots', () => {
    const roots = sampleBlocks(99).map(block => block.cid)
    assert.throws(() => encodeSealedPage(roots, 0), { code: 'CAR_LIMIT' })
  })
})
