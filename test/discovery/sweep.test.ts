import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  decodeSweep,
  dueAt,
  encodeSweep,
  nextSweep,
  type Sweep,
  type SweepEvent
} from '../../src/discovery/sweep.ts'

const running: Sweep = { startedAt: 10, after: 'c' }
const ended: Sweep = { startedAt: 10, after: 'c', endedAt: 20 }
const due: SweepEvent = { type: 'due', now: 30 }
const grown: SweepEvent = { type: 'grown' }
const passed: SweepEvent = { type: 'passed', cursor: 'd' }
const finished: SweepEvent = { type: 'finished', now: 30 }

describe('sweep', () => {
  const table: readonly { from?: Sweep; event: SweepEvent; to?: Sweep; why: string }[] = [
    { event: due, to: { startedAt: 30 }, why: 'the first begins' },
    { event: passed, why: 'nothing passes before it began' },
    { event: finished, why: 'nothing ends before it began' },
    { event: grown, why: 'what there is is all new' },
    { from: running, event: due, why: 'one runs already' },
    { from: running, event: passed, to: { startedAt: 10, after: 'd' }, why: 'it moves on' },
    {
      from: running,
      event: finished,
      to: { startedAt: 10, after: 'c', endedAt: 30 },
      why: 'it ends, and knows where'
    },
    { from: running, event: grown, why: 'it comes to what is new by itself' },
    { from: ended, event: due, to: { startedAt: 30 }, why: 'the next begins at the beginning' },
    { from: ended, event: grown, to: running, why: 'it goes on behind its end' },
    { from: ended, event: passed, why: 'nothing passes after its end' },
    { from: ended, event: finished, why: 'it ends once' }
  ]
  for (const { from, event, to, why } of table) {
    const name = from === undefined ? 'none' : from.endedAt === undefined ? 'running' : 'ended'
    it(`${event.type} on ${name}: ${why}`, () => {
      assert.deepEqual(nextSweep(from, event), to)
    })
  }

  it('is due at once when there was none, an interval after the last began, never while it runs', () => {
    assert.equal(dueAt(undefined, 100), 0)
    assert.equal(dueAt(ended, 100), 110)
    assert.equal(dueAt(running, 100), Infinity)
  })

  it('comes back as it was kept', () => {
    const sweeps = fc.record(
      { startedAt: fc.nat(), after: fc.string(), endedAt: fc.nat() },
      { requiredKeys: ['startedAt'] }
    )
    fc.assert(
      fc.property(sweeps, sweep => {
        assert.deepEqual(decodeSweep(encodeSweep(sweep as Sweep)), { ...sweep })
      })
    )
  })

  it('takes any other bytes for no sweep', () => {
    assert.equal(decodeSweep(undefined), undefined)
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        assert.equal(decodeSweep(bytes), undefined)
      })
    )
  })
})
