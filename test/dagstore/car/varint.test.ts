import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { varint } from 'multiformats'
import { VarintReader } from '../../../src/dagstore/car/varint.ts'

const read = (bytes: Uint8Array): number | undefined => {
  const reader = new VarintReader()
  reader.bytes = bytes
  reader.end = bytes.length
  return reader.next()
}

describe('VarintReader', () => {
  it('reads back every safe integer', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), value => {
        const bytes = varint.encodeTo(value, new Uint8Array(varint.encodingLength(value)))
        assert.equal(read(bytes), value)
        for (let cut = 0; cut < bytes.length; cut++)
          assert.equal(read(bytes.subarray(0, cut)), undefined)
      })
    )
  })

  it('reads values one after the other up to its end', () => {
    const reader = new VarintReader()
    reader.bytes = Uint8Array.of(0xff, 0x01, 0x80, 0x02, 0x03)
    reader.at = 1
    reader.end = 4
    assert.deepEqual([reader.next(), reader.next(), reader.next()], [1, 256, undefined])
    assert.equal(reader.at, 4)
  })

  it('takes nine bytes and refuses ten', () => {
    const nine = new Uint8Array(9).fill(0xff)
    nine[8] = 0x7f
    assert.equal(read(nine), 2 ** 63)
    assert.throws(() => read(new Uint8Array(10).fill(0xff)), { code: 'CAR_INVALID' })
    assert.throws(() => read(new Uint8Array(9).fill(0xff)), { code: 'CAR_INVALID' })
  })

  it('refuses a value that is not in its shortest form', () => {
    assert.throws(() => read(Uint8Array.of(0x81, 0x00)), { code: 'CAR_INVALID' })
    assert.equal(read(Uint8Array.of(0x00)), 0)
  })
})
