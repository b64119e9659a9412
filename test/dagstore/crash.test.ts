import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'node:test'
import { CardockError } from '../../src/errors.ts'
import type { Dagstore } from '../../src/dagstore/index.ts'
import { blocks, carBytes, TestRepo, until } from './repo.ts'

const rounds = 20

/** What a process said before it was killed. */
interface Said {
  /** Names of files that were written for it to register. */
  readonly wrote: string[]
  /** Shards that it had, and did not begin to destroy. */
  readonly kept: string[]
  readonly destroyed: string[]
}

describe('a store whose process is killed', () => {
  it(`T-101 opens whole, ${rounds} times, wherever registering, receiving or destroying ended`, async t => {
    await using repo = await TestRepo.create()
    const files: string[] = []
    let shards = 0
    for (let round = 0; round < rounds; round++) {
      const said = await runAndKill(repo, round)
      files.push(...said.wrote)
      const store = await repo.open({ mountRetryMs: 0 })
      await until(() => store.counts().ShardStateNew + store.counts().ShardStateInitializing === 0)
      await assertAcquirable(store)
      assert.equal(store.counts().ShardStateErrored, 0, 'no file was changed')
      for (const name of said.kept) await assertReadable(store, name)
      for (const name of said.destroyed) await assertGone(store, name)
      await assertNoStrayFile(repo, store)
      shards = store.list().total
      await store.close()
    }
    for (const name of files) {
      const made = blocks(name, 5)
      const whole = carBytes(made, [made[0]!.cid])
      assert.ok(whole.equals(await readFile(repo.path(`${name}.car`))), name)
    }
    t.diagnostic(`${files.length} files registered in place, ${shards} shards at the end`)
    assert.ok(files.length >= rounds && shards >= rounds)
  })
})

/** Each shard serves every block it has, or says by a typed error why not. */
async function assertAcquirable(store: Dagstore): Promise<void> {
  for (const { key } of store.list().shards) {
    try {
      await using accessor = await store.acquire(key)
      for await (const { bytes } of accessor.blocks()) assert.ok(bytes.length > 0)
    } catch (error) {
      assert.ok(error instanceof CardockError && error.code === 'SHARD_FAILED', String(error))
    }
  }
}

async function assertReadable(store: Dagstore, name: string): Promise<void> {
  for (const { cid, bytes } of blocks(name, 5)) {
    assert.deepEqual(Buffer.from(await store.get(cid)), bytes, name)
  }
}

async function assertGone(store: Dagstore, name: string): Promise<void> {
  for (const { cid } of blocks(name, 5)) assert.equal(await store.has(cid), false, name)
}

/** The repo holds the index of each shard, the CARs that are shards, open parts, and nothing else. */
async function assertNoStrayFile(repo: TestRepo, store: Dagstore): Promise<void> {
  const { shards, total } = store.list()
  assert.equal(shards.length, total)
  const indexed = shards.filter(({ state }) => state === 'ShardStateAvailable')
  const indices = indexed.map(({ id, generation }) => `${id}.${generation}.cix`)
  assert.deepEqual(await repo.names('index'), [...indices, 'lookup'].toSorted())
  assert.ok((await repo.names('index', 'lookup')).every(name => name.endsWith('.run')))

  const names = await repo.names('cars')
  const owned = shards.filter(shard => shard.owned).map(({ mount }) => fileURLToPath(mount))
  const cars = names.filter(name => name.endsWith('.car'))
  assert.deepEqual(
    cars.map(name => repo.path('repo', 'cars', name)),
    owned.toSorted()
  )
  const parts = names.filter(name => name.endsWith('.part'))
  assert.deepEqual(names, [...cars, ...parts, ...parts.map(name => `${name}.idx`)].toSorted())
}

/** Runs a process until it has said a random number of lines, and a little longer. */
async function runAndKill(repo: TestRepo, round: number): Promise<Said> {
  const script = join(import.meta.dirname, 'busy-store.ts')
  const child = spawn(process.execPath, [script, repo.dir, `${round}`], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  const wanted = 1 + Math.floor(Math.random() * 40)
  const has = new Map<string, boolean>()
  const wrote: string[] = []
  let lines = 0
  for await (const line of createInterface(child.stdout)) {
    const [verb = '', name = ''] = line.split(' ')
    if (verb === 'wrote') wrote.push(name)
    if (verb === 'has') has.set(name, true)
    if (verb === 'destroying') has.delete(name)
    if (verb === 'destroyed') has.set(name, false)
    lines += 1
    if (lines === wanted) setTimeout(() => child.kill('SIGKILL'), Math.random() * 20)
  }
  const [, signal] = await exited
  assert.equal(signal, 'SIGKILL', 'the process ended by itself')
  const names = [...has.keys()]
  return {
    wrote,
    kept: names.filter(name => has.get(name)),
    destroyed: names.filter(name => has.get(name) === false)
  }
}
