import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Meter } from '../../src/exchange/session/meter.ts'

describe('Meter', () => {
  it('gives bytes a second since its start, while it is young', () => {
    const clock = { ms: 10_400 }
    const meter = new Meter(() => clock.ms)
    assert.equal(meter.rate, 0)
    meter.add(1_000)
    clock.ms += 2_000
    meter.add(3_000)
    assert.equal(meter.rate, 2_000)
  })

  it('forgets what is older than five full seconds', () => {
    const clock = { ms: 0 }
    const meter = new Meter(() => clock.ms)
    meter.add(1_000_000)
    clock.ms = 4_000
    meter.add(5_000)
    clock.ms = 9_000
    assert.equal(meter.rate, 1_000)
    clock.ms = 10_000
    assert.equal(meter.rate, 0)
  })

  it('is not confused by a long silence', () => {
    const clock = { ms: 0 }
    const meter = new Meter(() => clock.ms)
    meter.add(1_000_000)
    clock.ms = 3_600_000
    assert.equal(meter.rate, 0)
    meter.add(5_000)
    clock.ms += 5_000
    assert.equal(meter.rate, 1_000)
  })
})
