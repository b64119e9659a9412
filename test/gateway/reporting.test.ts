import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reporting } from '../../src/gateway/rpc/reporting.ts'

const { signal } = new AbortController()

describe('reporting', () => {
  it('yields the newest report to a slow reader, and the last one before the result', async () => {
    const wake = Promise.withResolvers<void>()
    const seen: unknown[] = []
    const work = async ({ onProgress }: { onProgress: (at: number) => void }): Promise<string> => {
      onProgress(1)
      await wake.promise
      for (const at of [2, 3, 4]) onProgress(at)
      return 'done'
    }
    for await (const event of reporting(work, signal)) {
      seen.push(event)
      wake.resolve()
      // The work ends while the reader is busy.
      await new Promise(setImmediate)
    }
    assert.deepEqual(seen, [{ progress: 1 }, { progress: 4 }, { result: 'done' }])
  })

  it('throws what the work throws, after its last report', async () => {
    const seen: unknown[] = []
    const reason = new Error('no')
    const reading = async (): Promise<void> => {
      const work = async ({ onProgress }: { onProgress: (at: number) => void }): Promise<void> => {
        onProgress(1)
        throw reason
      }
      for await (const event of reporting(work, signal)) seen.push(event)
    }
    await assert.rejects(reading, error => error === reason)
    assert.deepEqual(seen, [{ progress: 1 }])
  })

  it('ends the work when its reader leaves', async () => {
    let ended = false
    const work = async (reporter: {
      onProgress: (at: number) => void
      signal: AbortSignal
    }): Promise<void> => {
      reporter.onProgress(1)
      await new Promise(resolve => reporter.signal.addEventListener('abort', resolve))
      ended = true
    }
    for await (const _ of reporting(work, signal)) break
    assert.ok(ended)
  })
})
