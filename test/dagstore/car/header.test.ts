import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import {
  decodeV2Header,
  encodeHeader,
  encodePragma,
  encodeV2Header,
  readLayout
} from '../../../src/dagstore/car/header.ts'
import type { CarLayout } from '../../../src/dagstore/car/header.ts'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import type { CarLimits } from '../../../src/dagstore/car/limits.ts'
import { carV1, carV2, rawBlock } from './sample-cars.ts'
import { bytesReadAt } from './scan-car.ts'

const block = rawBlock(Buffer.from('fish'))
const rootless = '11a265726f6f7473806776657273696f6e01'

const layoutOf = (bytes: Uint8Array, options: Partial<CarLimits> = {}): CarLayout =>
  readLayout(bytesReadAt(bytes), bytes.length, { ...carLimitDefaults, ...options })

const layoutOfHex = (hex: string): CarLayout =>
  layoutOf(Buffer.from(hex.replaceAll(' ', ''), 'hex'))

describe('encodeHeader', () => {
  it('writes the canonical bytes of specs.md 1.1', () => {
    assert.equal(Buffer.from(encodeHeader([])).toString('hex'), rootless)
    const cid = Buffer.from(block.cid.bytes).toString('hex')
    const expected = `3aa265726f6f747381d82a582500${cid}6776657273696f6e01`
    assert.equal(Buffer.from(encodeHeader([block.cid])).toString('hex'), expected)
  })

  it('writes what readLayout reads, for any number of roots', () => {
    for (const count of [0, 1, 2, 23, 24, 98, 300]) {
      const roots = Array.from({ length: count }, (_, at) => rawBlock(Buffer.from(`${at}`)).cid)
      const header = encodeHeader(roots)
      const layout = layoutOf(header)
      assert.deepEqual(layout.roots.map(String), roots.map(String))
      assert.equal(layout.headerLength, header.length)
    }
  })
})

describe('encodeV2Header', () => {
  it('writes the bytes of go-car’s single-block CARv2', () => {
    const place = { dataOffset: 51, dataSize: 65, indexOffset: 116 }
    const expected =
      '00000000000000000000000000000000330000000000000041000000000000007400000000000000'
    const header = encodeV2Header({ fullyIndexed: false, ...place })
    assert.equal(Buffer.from(header).toString('hex'), expected)
    assert.equal(Buffer.from(encodePragma()).toString('hex'), '0aa16776657273696f6e02')
  })

  it('writes what decodeV2Header reads', () => {
    const sizes = fc.record({
      fullyIndexed: fc.boolean(),
      padding: fc.nat(),
      dataSize: fc.integer({ min: 1, max: 2 ** 50 }),
      gap: fc.option(fc.nat())
    })
    fc.assert(
      fc.property(sizes, ({ fullyIndexed, padding, dataSize, gap }) => {
        const dataOffset = 51 + padding
        const indexOffset = gap === null ? 0 : dataOffset + dataSize + gap
        const header = { fullyIndexed, dataOffset, dataSize, indexOffset }
        assert.deepEqual(decodeV2Header(encodeV2Header(header)), header)
      })
    )
  })
})

describe('readLayout', () => {
  it('finds the parts of a CARv1', () => {
    const bytes = carV1([block.cid], [block])
    const { roots, ...layout } = layoutOf(bytes)
    assert.deepEqual(roots.map(String), [block.cid.toString()])
    assert.deepEqual(layout, {
      version: 1,
      fullyIndexed: false,
      payloadBase: 0,
      payloadSize: bytes.length,
      headerLength: 59,
      indexOffset: 0
    })
  })

  it('finds the parts of a padded CARv2 with an index', () => {
    const payload = carV1([], [block])
    const { roots, ...layout } = layoutOf(carV2(payload, { padding: 9, index: Buffer.alloc(3) }))
    assert.deepEqual(roots, [])
    assert.deepEqual(layout, {
      version: 2,
      fullyIndexed: false,
      payloadBase: 60,
      payloadSize: payload.length,
      headerLength: 18,
      indexOffset: 60 + payload.length
    })
  })

  it('takes null for no roots, and the keys in either order', () => {
    assert.deepEqual(layoutOfHex('11a265726f6f7473f66776657273696f6e01').roots, [])
    assert.deepEqual(layoutOfHex('11a26776657273696f6e0165726f6f747380').roots, [])
  })

  const version1 = '6776657273696f6e01'
  const noRoots = '65726f6f747380'
  const invalid = [
    { name: 'no map', body: '80', why: /not the shape/ },
    { name: 'no version', body: `a1${noRoots}`, why: /version: none/ },
    { name: 'no roots', body: `a1${version1}`, why: /not the keys of its version/ },
    { name: 'roots in a pragma', body: `a2${noRoots}6776657273696f6e02`, why: /not the keys/ },
    { name: 'a key twice', body: `a2${version1}${version1}`, why: /unexpected key "version"/ },
    { name: 'a key of its own', body: `a2${version1}616100`, why: /unexpected key "a"/ },
    { name: 'a version of text', body: 'a16776657273696f6e6131', why: /not the shape/ },
    { name: 'a version in long form', body: 'a16776657273696f6e1801', why: /shortest form/ },
    { name: 'a version of 64 bits', body: 'a16776657273696f6e1b0000000100000001', why: /32 bits/ },
    { name: 'bytes after its end', body: `a2${noRoots}${version1}00`, why: /bytes after its end/ },
    { name: 'more roots than bytes', body: 'a265726f6f747381', why: /ends inside/ },
    { name: 'a root of another tag', body: 'a265726f6f747381d83043000155', why: /not a CID/ },
    { name: 'a root without prefix', body: 'a265726f6f747381d82a43010155', why: /multibase/ },
    { name: 'a root that is no CID', body: 'a265726f6f747381d82a43000155', why: /not a CID/ }
  ]
  for (const { name, body, why } of invalid) {
    it(`refuses a header with ${name}`, () => {
      const bytes = Buffer.from(`00${body}`, 'hex')
      bytes[0] = bytes.length - 1
      assert.throws(() => layoutOf(bytes), { code: 'CAR_INVALID', message: why })
    })
  }

  it('refuses a header of zero length', () => {
    assert.throws(() => layoutOfHex('00'), { code: 'CAR_INVALID', message: /zero length/ })
  })

  it('names the version that it does not know', () => {
    const error = { code: 'CAR_INVALID', message: /invalid car version: 3/ }
    assert.throws(() => layoutOfHex('0aa16776657273696f6e03'), error)
  })

  it('refuses a CARv2 inside a CARv2', () => {
    const inner = carV2(carV1([], [block]))
    assert.throws(() => layoutOf(carV2(inner)), { code: 'CAR_INVALID' })
  })

  it('refuses a CARv2 that was never finalized', () => {
    const bytes = carV2(carV1([], [block]))
    bytes.fill(0, 11, 51)
    assert.throws(() => layoutOf(bytes), { message: /invalid data payload offset: 0/ })
  })

  const places = [
    { name: 'a payload in its header', header: { dataOffset: 50, dataSize: 65, indexOffset: 0 } },
    { name: 'an empty payload', header: { dataOffset: 51, dataSize: 0, indexOffset: 0 } },
    { name: 'an index in its payload', header: { dataOffset: 51, dataSize: 65, indexOffset: 115 } }
  ]
  for (const { name, header } of places) {
    it(`refuses a CARv2 with ${name}`, () => {
      const fixed = encodeV2Header({ fullyIndexed: false, ...header })
      const bytes = Buffer.concat([encodePragma(), fixed, Buffer.alloc(100)])
      assert.throws(() => layoutOf(bytes), { code: 'CAR_INVALID' })
    })
  }

  it('takes a header at its limit and none of a byte more', () => {
    const header = encodeHeader([block.cid])
    const length = header.length - 1
    assert.equal(layoutOf(header, { headerBytesMax: length }).headerLength, header.length)
    assert.throws(() => layoutOf(header, { headerBytesMax: length - 1 }), { code: 'CAR_LIMIT' })
  })

  it('finds every cut of a CARv2 up to its index, and every cut in the header of a CARv1', () => {
    const payload = carV1([block.cid], [block])
    const whole = carV2(payload, { padding: 5, index: Buffer.alloc(1) })
    for (let cut = 0; cut < whole.length; cut++) {
      assert.throws(() => layoutOf(whole.subarray(0, cut)), { code: 'CAR_TRUNCATED' }, `cut ${cut}`)
    }
    for (let cut = 0; cut < 59; cut++) {
      assert.throws(
        () => layoutOf(payload.subarray(0, cut)),
        { code: 'CAR_TRUNCATED' },
        `cut ${cut}`
      )
    }
  })

  it('answers every change of a byte with a layout or a typed error', () => {
    const whole = carV2(carV1([block.cid], [block]), { index: Buffer.alloc(1) })
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Uint8Array.from(whole)
        bytes[at]! ^= change
        try {
          const { payloadBase, payloadSize } = layoutOf(bytes)
          assert.ok(payloadBase + payloadSize <= bytes.length)
        } catch (error) {
          assert.match((error as { code: string }).code, /^CAR_/)
        }
      }),
      { numRuns: 2000 }
    )
  })

  it('does not build what a header holds in place of roots', () => {
    const count = Buffer.from('9a01000000', 'hex')
    const body = Buffer.concat([
      Buffer.from('a265726f6f7473', 'hex'),
      count,
      Buffer.alloc(1 << 20, 0x80)
    ])
    const length = Buffer.from('8c8040', 'hex')
    assert.equal(body.length, 0x10000c)
    assert.throws(() => layoutOf(Buffer.concat([length, body])), { code: 'CAR_INVALID' })
  })

  it('keeps CIDv0 roots as they are', () => {
    const cid = CID.parse('QmPLPpnptHc1DMhJAWNYMTqBTqqRQNy5WsY7F9pZgsBfMT')
    assert.equal(layoutOf(encodeHeader([cid])).roots[0]!.toString(), cid.toString())
  })
})
