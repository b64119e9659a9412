import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { Accounts } from '../../src/exchange/bitswap/accounts.ts'
import { countBlocks } from '../../src/exchange/bitswap/wire.ts'

describe('count of the blocks in a message', () => {
  it('finds every block of a message, whatever stands beside it', () => {
    const messages = fc.record({
      wantlist: fc.uint8Array({ maxLength: 300 }),
      blocks: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }),
      presences: fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 }),
      pendingBytes: fc.nat()
    })
    fc.assert(
      fc.property(messages, ({ blocks, pendingBytes, presences, wantlist }) => {
        const body = Buffer.concat([
          field(1, wantlist),
          ...blocks.map(data => field(3, Buffer.concat([field(1, prefix), field(2, data)]))),
          ...presences.map(presence => field(4, presence)),
          Buffer.from([5 << 3]),
          varint(pendingBytes)
        ])
        const bytes = blocks.reduce((sum, { length }) => sum + length, 0)
        const frame = Buffer.concat([varint(body.length), body])
        assert.deepEqual(countBlocks(frame), { blocks: blocks.length, bytes })
      })
    )
  })

  it('finds none in a message of wants', () => {
    const body = field(1, Buffer.from('wants'))
    const frame = Buffer.concat([varint(body.length), body])
    assert.deepEqual(countBlocks(frame), { blocks: 0, bytes: 0 })
  })

  it('ends on bytes that are no message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        assert.ok(countBlocks(bytes).blocks <= bytes.length)
      })
    )
  })
})

describe('accounts', () => {
  it('tell a block that was waited for from one that was not', () => {
    const accounts = new Accounts()
    accounts.received('a', 100, { wanted: true })
    accounts.received('a', 10, { wanted: false })
    assert.deepEqual(accounts.totals, {
      blocksReceived: 2,
      dataReceived: 110,
      blocksSent: 0,
      dataSent: 0,
      dupBlksReceived: 1,
      dupDataReceived: 10,
      messagesReceived: 0
    })
    assert.deepEqual(accounts.of('a'), { sentBytes: 0, receivedBytes: 110 })
  })

  it('remember 4,096 peers, and forget the one longest silent for one more', () => {
    const accounts = new Accounts()
    for (let peer = 0; peer < 4_096; peer += 1) accounts.sent(`${peer}`, { blocks: 1, bytes: 1 })
    assert.deepEqual(accounts.of('0'), { sentBytes: 1, receivedBytes: 0 })
    accounts.sent('0', { blocks: 1, bytes: 1 })
    accounts.sent('one more', { blocks: 1, bytes: 1 })
    assert.equal(accounts.of('1'), undefined)
    assert.deepEqual(accounts.of('0'), { sentBytes: 2, receivedBytes: 0 })
    assert.equal(accounts.totals.dataSent, 4_098)
  })
})

const prefix = Uint8Array.from([1, 0x55, 0x12, 32])

function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128)
  return Buffer.from([...bytes, left])
}
