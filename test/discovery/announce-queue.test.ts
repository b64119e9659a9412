import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CID } from 'multiformats/cid'
import {
  type AnnounceItem,
  AnnounceQueue,
  type AnnounceSource,
  type CursorStore
} from '../../src/discovery/announce-queue.ts'
import { type DiscoveryConfig, resolveDiscovery } from '../../src/discovery/config.ts'
import { ProvideFailedError } from '../../src/discovery/errors.ts'
import { decodeSweep } from '../../src/discovery/sweep.ts'
import { silentLog } from '../../src/log.ts'
import { makeBlock } from '../loopback.ts'

const cids = Array.from({ length: 20 }, (_, at) => makeBlock(16, at).cid)

describe('announce queue', () => {
  it('announces everything there is, once', async () => {
    const queue = new Harness()
    await queue.runUntil(() => !queue.status.sweeping && queue.taken.length >= 20)
    assert.deepEqual(queue.taken, cids.map(String))
    assert.equal(queue.status.done, 20)
    assert.equal(queue.status.failed, 0)
    assert.ok((queue.status.nextReprovideAt ?? 0) > Date.now())
  })

  it('announces new items before the rest', async () => {
    const queue = new Harness()
    const fresh = makeBlock(16, 100).cid
    queue.enqueue(fresh)
    await queue.runUntil(() => queue.taken.length >= 21)
    assert.equal(queue.taken[0], fresh.toString())
  })

  it('wakes up for a new item', async () => {
    const queue = new Harness()
    const fresh = makeBlock(16, 100).cid
    let added = false
    await queue.runUntil(() => {
      const idle = queue.taken.length >= 20 && !queue.status.sweeping
      if (idle && !added) {
        added = true
        queue.enqueue(fresh)
      }
      return queue.taken.length >= 21
    })
    assert.equal(queue.taken[20], fresh.toString())
  })

  it('goes on after a restart where it was, and forgets nothing that no peer took', async () => {
    const first = new Harness({ provideConcurrency: 2 })
    await first.runUntil(() => first.taken.length >= 7)
    const second = new Harness({ provideConcurrency: 2 }, first.notes)
    await second.runUntil(() => !second.status.sweeping)
    assert.deepEqual(new Set([...first.taken, ...second.taken]), new Set(cids.map(String)))
    assert.ok(second.taken.length < 20, 'it began at the beginning again')
  })

  it('rests between two sweeps, and a restart does not shorten that', async () => {
    const first = new Harness()
    await first.runUntil(() => !first.status.sweeping && first.taken.length >= 20)
    const second = new Harness({}, first.notes)
    const fresh = makeBlock(16, 100).cid
    second.enqueue(fresh)
    await second.runUntil(() => second.taken.length >= 1 && !second.status.sweeping)
    assert.deepEqual(second.taken, [fresh.toString()])
  })

  it('sweeps again when the interval is over', async () => {
    const queue = new Harness({ reprovideIntervalMs: 1 })
    await queue.runUntil(() => queue.taken.length >= 40)
    assert.deepEqual(queue.taken.slice(20, 40), cids.map(String))
  })

  it('waits while there is nobody to tell, and counts no failure', async () => {
    const queue = new Harness()
    const { promise: joined, resolve: join } = Promise.withResolvers<void>()
    queue.ready = async () => joined
    const done = queue.runUntil(() => queue.taken.length >= 20)
    await new Promise(setImmediate)
    assert.deepEqual(queue.taken, [])
    join()
    await done
    assert.equal(queue.status.failed, 0)
  })

  it('tries an item again that no peer took', async () => {
    const queue = new Harness()
    queue.refuse(cids[3], 2)
    await queue.runUntil(() => queue.taken.length >= 20)
    assert.equal(queue.status.done, 20)
    assert.match(queue.status.lastError ?? '', /was not announced/)
  })

  it('gives an item up until the next sweep, and says why', async () => {
    const queue = new Harness({ provideAttemptsMax: 3 })
    queue.refuse(cids[3], Infinity)
    await queue.runUntil(() => !queue.status.sweeping && queue.status.failed === 1)
    assert.equal(queue.status.done, 19)
    assert.equal(queue.attempts(cids[3]), 3)
  })

  it('does not try again what cannot succeed', async () => {
    const queue = new Harness()
    queue.refuse(cids[3], Infinity, { permanent: true })
    await queue.runUntil(() => !queue.status.sweeping && queue.status.failed === 1)
    assert.equal(queue.attempts(cids[3]), 1)
  })

  it('goes on to new items over its bound', async () => {
    const first = new Harness()
    await first.runUntil(() => !first.status.sweeping && first.taken.length >= 20)
    const queue = new Harness({ freshMax: 2 }, first.notes)
    const fresh = [100, 101, 102].map(seed => makeBlock(16, seed).cid)
    for (const cid of fresh) {
      queue.items.push(cid)
      queue.enqueue(cid)
    }
    assert.equal(queue.status.queued, 2)
    await queue.runUntil(() => queue.taken.length >= 3 && !queue.status.sweeping)
    assert.deepEqual(queue.taken, fresh.map(String))
  })

  it('announces after a restart what came meanwhile, or was not announced before, and no more', async () => {
    const first = new Harness()
    await first.runUntil(() => !first.status.sweeping && first.taken.length >= 20)
    const fresh = [100, 101, 102].map(seed => makeBlock(16, seed).cid)
    for (const restart of [1, 2]) {
      const queue = new Harness({}, first.notes)
      queue.items.push(...fresh.slice(0, restart + 1))
      await queue.runUntil(() => !queue.status.sweeping && queue.taken.length >= 1)
      const taken = restart === 1 ? fresh.slice(0, 2) : fresh.slice(2)
      assert.deepEqual(queue.taken, taken.map(String))
    }
  })

  it('passes by what was announced as new, in this run and the next', async () => {
    const first = new Harness()
    await first.runUntil(() => !first.status.sweeping && first.taken.length >= 20)
    const [one, other] = [makeBlock(16, 100).cid, makeBlock(16, 101).cid]
    const second = new Harness({}, first.notes)
    second.items.push(one)
    second.enqueue(one)
    await second.runUntil(() => second.isNoted('20'))
    assert.deepEqual(second.taken, [one.toString()])
    const third = new Harness({}, first.notes)
    third.items.push(one, other)
    await third.runUntil(() => third.isNoted('21'))
    assert.deepEqual(third.taken, [other.toString()])
  })

  it('ends the tries for an item that was dropped', async () => {
    const queue = new Harness({ provideAttemptsMax: 1_000 })
    const [, , , cid] = cids
    assert.ok(cid !== undefined)
    queue.refuse(cid, Infinity)
    await queue.runUntil(() => {
      if (queue.attempts(cid) === 3) queue.drop(cid)
      return !queue.status.sweeping && queue.taken.length >= 19
    })
    assert.equal(queue.attempts(cid), 3)
    assert.equal(queue.status.failed, 0)
  })

  it('sweeps not for new items at its bound', async () => {
    const first = new Harness()
    await first.runUntil(() => !first.status.sweeping && first.taken.length >= 20)
    const queue = new Harness({ freshMax: 2 }, first.notes)
    for (const cid of cids.slice(0, 2)) queue.enqueue(cid)
    await queue.runUntil(() => queue.taken.length >= 2 && !queue.status.sweeping)
    assert.equal(queue.taken.length, 2)
  })

  it('goes on from its last place when the source fails', async () => {
    const queue = new Harness()
    queue.failSourceAt = 10
    await queue.runUntil(() => !queue.status.sweeping && queue.taken.length >= 20)
    assert.deepEqual(new Set(queue.taken), new Set(cids.map(String)))
  })
})

/** A queue over `cids`, with peers that take what they are told unless they were made to refuse. */
class Harness {
  readonly notes: CursorStore
  readonly items: CID[] = [...cids]
  readonly taken: string[] = []
  ready: () => Promise<void> = async () => {}
  failSourceAt: number | undefined
  readonly #queue: AnnounceQueue
  readonly #refusals = new Map<string, { left: number; permanent: boolean }>()
  readonly #attempts = new Map<string, number>()
  #onStep: () => void = () => {}

  constructor(config: Partial<DiscoveryConfig> = {}, notes: CursorStore = new Notes()) {
    this.notes = {
      note: name => notes.note(name),
      setNote: async (name, bytes) => {
        await notes.setNote(name, bytes)
        queueMicrotask(() => this.#onStep())
      }
    }
    this.#queue = new AnnounceQueue({
      source: this.#source(),
      cursors: this.notes,
      config: resolveDiscovery({ retryMinMs: 1, retryMaxMs: 2, ...config }),
      log: silentLog,
      provide: async cid => this.#provide(cid),
      ready: async () => this.ready()
    })
  }

  get status(): ReturnType<AnnounceQueue['status']> {
    return this.#queue.status(Date.now())
  }

  enqueue(cid: CID): void {
    this.#queue.enqueue(cid)
  }

  drop(cid: CID): void {
    this.#queue.drop(cid)
  }

  /** A sweep ended, and its place is kept as behind this item. */
  isNoted(cursor: string): boolean {
    const sweep = decodeSweep(this.notes.note('announce-sweep'))
    return sweep?.after === cursor && sweep.endedAt !== undefined
  }

  refuse(cid: CID | undefined, times: number, { permanent = false } = {}): void {
    this.#refusals.set(String(cid), { left: times, permanent })
  }

  attempts(cid: CID | undefined): number {
    return this.#attempts.get(String(cid)) ?? 0
  }

  /** Runs the queue until `done` is true after one of its steps. */
  async runUntil(done: () => boolean): Promise<void> {
    const stop = new AbortController()
    this.#onStep = () => {
      if (done()) stop.abort()
    }
    await assert.rejects(this.#queue.run(stop.signal), { name: 'AbortError' })
  }

  async #provide(cid: CID): Promise<void> {
    const key = cid.toString()
    this.#attempts.set(key, (this.#attempts.get(key) ?? 0) + 1)
    queueMicrotask(() => setImmediate(() => this.#onStep()))
    const refusal = this.#refusals.get(key)
    if (refusal !== undefined && refusal.left > 0) {
      refusal.left -= 1
      throw new ProvideFailedError(cid, 'nobody wants it', { permanent: refusal.permanent })
    }
    this.taken.push(key)
  }

  #source(): AnnounceSource {
    const { items } = this
    const fails = (at: number): boolean => {
      if (at !== this.failSourceAt) return false
      this.failSourceAt = undefined
      return true
    }
    return {
      async *announceItems({ after = '-1' }): AsyncGenerator<AnnounceItem> {
        for (const [at, cid] of items.entries()) {
          if (at <= Number(after)) continue
          if (fails(at)) throw new Error('the catalogue is away')
          yield { cursor: String(at), cid }
        }
      }
    }
  }
}

class Notes implements CursorStore {
  readonly #notes = new Map<string, Uint8Array>()

  note(name: string): Uint8Array | undefined {
    return this.#notes.get(name)
  }

  async setNote(name: string, bytes: Uint8Array): Promise<void> {
    this.#notes.set(name, bytes)
  }
}
