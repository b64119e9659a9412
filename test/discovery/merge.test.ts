import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { merge } from '../../src/discovery/merge.ts'

describe('merge', () => {
  it('yields what all sources yield and ends with the last of them', async () => {
    const got: number[] = []
    for await (const value of merge([from(1, 2), from(), from(3)])) got.push(value)
    assert.deepEqual(
      got.sort((a, b) => a - b),
      [1, 2, 3]
    )
  })

  it('does not let a slow source hold up a fast one', async () => {
    const got: number[] = []
    for await (const value of merge([slow(), from(1, 2, 3)])) got.push(value)
    assert.deepEqual(got, [1, 2, 3, 9])
  })

  it('ends with the error of a source', async () => {
    const reason = new Error('gone')
    await assert.rejects(async () => {
      for await (const _ of merge([failing(reason), from(1)])) continue
    }, reason)
  })

  it('ends its sources when the consumer stops', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    async function* endless(): AsyncGenerator<number> {
      try {
        for (;;) yield 1
      } finally {
        resolve()
      }
    }
    for await (const _ of merge([endless()])) break
    await promise
  })
})

async function* from(...values: readonly number[]): AsyncGenerator<number> {
  yield* values
}

async function* slow(): AsyncGenerator<number> {
  await delay(20)
  yield 9
}

async function* failing(reason: Error): AsyncGenerator<number> {
  yield 0
  throw reason
}
