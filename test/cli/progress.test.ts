import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeFetch, fit } from '../../src/cli/progress.ts'
import { formatMs } from '../../src/cli/render.ts'

const cid = 'bafybeihsjrnp4r2zzjwffsdi7nu3dka4xkfsjdwdr57wduuyulswrtsloa'

describe('describeFetch', () => {
  it('says how far, how fast, from whom and what it waits for, in 80 columns', () => {
    const text = describeFetch({
      type: 'progress',
      blocks: 2_880,
      bytes: 179 * 2 ** 20,
      reusedBlocks: 0,
      reusedBytes: 0,
      rate: 14.2 * 2 ** 20,
      peers: ['one', 'two'],
      waitingFor: [cid],
      undialable: { count: 0, reasons: {} }
    })
    assert.equal(text, '2880 blocks · 179 MiB · 14.2 MiB/s · 2 peers · waiting for …rtsloa')
  })

  it('counts providers that cannot be dialled, with the reasons, and what was here', () => {
    const text = describeFetch({
      type: 'progress',
      blocks: 0,
      bytes: 0,
      reusedBlocks: 3,
      reusedBytes: 3_072,
      rate: 0,
      peers: [],
      waitingFor: [],
      undialable: { count: 2, reasons: { 'quic-v1 only': 1, 'timed out': 1 } }
    })
    assert.equal(
      text,
      '0 blocks · 0 B · 0 B/s · no peer yet · 2 providers cannot be dialled (quic-v1 only: 1, timed out: 1) · 3 here already (3.0 KiB)'
    )
  })
})

describe('fit', () => {
  it('leaves what has room as it is, and marks what was cut', () => {
    assert.equal(fit('a · b', 5), 'a · b')
    assert.equal(fit('a · bc', 5), 'a · …')
  })
})

describe('formatMs', () => {
  for (const [ms, text] of [
    [850, '850 ms'],
    [12_340, '12.3 s'],
    [59_999, '1 min 0 s'],
    [119_600, '2 min 0 s']
  ] as const) {
    it(`says ${text} for ${ms}`, () => assert.equal(formatMs(ms), text))
  }
})
