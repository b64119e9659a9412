import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { crcJoiner } from '../../../src/dagstore/cix/checksum.ts'
import { decodeLocation, encodeLocation } from '../../../src/dagstore/cix/location.ts'
import { sortPairs } from '../../../src/dagstore/cix/radix.ts'

describe('crcJoiner', () => {
  it('gives the sum of two pieces from their sums', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 5000 }), (first, second) => {
        const join = crcJoiner(second.length)
        assert.equal(join(crc32(first), crc32(second)), crc32(second, crc32(first)))
      })
    )
  })
})

describe('sortPairs', () => {
  it('sorts like Array.sort, equal keys by place', () => {
    const key = fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
    fc.assert(
      fc.property(fc.array(key, { maxLength: 300 }), list => {
        const places = list.map((_, at) => at).sort((a, b) => list[a]! - list[b]! || a - b)
        const { keys, values } = sortPairs(Uint32Array.from(list))
        assert.deepEqual([...values], places)
        assert.deepEqual(
          [...keys],
          places.map(at => list[at])
        )
      })
    )
  })

  it('sorts many keys that share their high bits, or all bits', () => {
    for (const [count, range] of [
      [5_000, 3],
      [5_000, 2 ** 16],
      [70_000, 2 ** 20],
      [70_000, 2 ** 32]
    ] as const) {
      const list = Uint32Array.from({ length: count }, (_, at) => (at * 2_654_435_761) % range)
      const { keys, values } = sortPairs(list.slice())
      assert.deepEqual(keys, list.toSorted())
      assert.ok(values.every((place, at) => list[place] === keys[at]))
      assert.ok(values.every((place, at) => keys[at] !== keys[at - 1] || place > values[at - 1]!))
    }
  })
})

describe('location', () => {
  it('comes back as it was written, over 4 GiB too', () => {
    const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    const shape = {
      offset: fc.maxSafeNat(),
      dataLength: u32,
      headLength: fc.nat({ max: 65_535 }),
      flags: fc.nat({ max: 255 }),
      codec: u32,
      ordinal: u32
    }
    const location = fc.record(shape, { noNullPrototype: true })
    const view = new DataView(new ArrayBuffer(30))
    fc.assert(
      fc.property(location, each => {
        encodeLocation(view, 3, each)
        assert.deepEqual(decodeLocation(view, 3), each)
      })
    )
  })
})
