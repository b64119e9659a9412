import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { open, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Block } from '../../src/block.ts'
import type { Dagstore } from '../../src/dagstore/index.ts'
import {
  block,
  blocks,
  carBytes,
  filesOpenIn,
  notLinux,
  sha256,
  states,
  TestRepo,
  until
} from './repo.ts'

const shared = block('in both')

/** Overwrites the block's bytes in the file; its times are as before when `silently`. */
async function flip(
  path: string,
  { bytes }: Block,
  { silently }: { silently: boolean }
): Promise<void> {
  const before = await stat(path)
  await using file = await open(path, 'r+')
  const all = await file.readFile()
  const at = all.indexOf(bytes)
  assert.ok(at > 0, 'the block is not in the file')
  await file.write(Buffer.from([all[at]! ^ 1]), 0, 1, at)
  if (silently) await file.utimes(before.atime, before.mtime)
}

/** Sets times that a file system keeps exactly, so that they can be put back. */
async function settle(path: string): Promise<void> {
  await utimes(path, 1_700_000_000, 1_700_000_000)
}

async function text(store: Dagstore, { cid }: Block): Promise<string> {
  return Buffer.from(await store.get(cid)).toString()
}

describe('Dagstore faults', () => {
  it('T-102 keeps a shard errored when its last reader closes', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('a', blocks('a', 3))
    await store.register(path, { key: 'a' })
    const reader = await store.acquire('a')
    await rm(path)
    await assert.rejects(store.acquire('a'), { code: 'SHARD_FAILED', message: /put the file back/ })
    assert.deepEqual(states(store), ['a ShardStateErrored'])
    await reader.close()
    assert.deepEqual(states(store), ['a ShardStateErrored'])
    assert.equal(store.info('a').error?.code, 'MOUNT_UNAVAILABLE')
    assert.deepEqual(states(await repo.open()), ['a ShardStateErrored'])
  })

  it(
    'T-104 has no more files open after 100 cancelled and 100 abandoned acquires',
    { skip: notLinux },
    async () => {
      await using repo = await TestRepo.create()
      const store = await repo.open()
      const made = blocks('a', 3)
      await store.register(await repo.car('a', made), { key: 'a' })
      await store.get(made[0]!.cid)
      const openFiles = (): number => filesOpenIn(repo.dir)
      const before = openFiles()

      const cancelled = Array.from({ length: 100 }, async () => {
        const controller = new AbortController()
        const acquiring = store.acquire('a', { signal: controller.signal })
        controller.abort(new Error('not any more'))
        await assert.rejects(acquiring, { message: 'not any more' })
      })
      await Promise.all(cancelled)
      assert.equal(store.info('a').leases, 0)
      await Promise.all(Array.from({ length: 100 }, async () => void (await store.acquire('a'))))

      setFlagsFromString('--expose-gc')
      const collectGarbage = runInNewContext('gc') as () => void
      await until(() => {
        collectGarbage()
        return store.info('a').leases === 0
      })
      assert.equal(openFiles(), before)
      assert.ok(repo.lines.includes('an accessor was dropped without close() a'))
      await store.destroy('a')
    }
  )

  it('T-105 leaves nothing of a destroyed shard, and serves what is registered after it', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const [old, fresh] = [blocks('old', 3), blocks('new', 3)]
    const path = await repo.car('a', old)
    await store.register(path, { key: 'a' })
    const before = await sha256(path)
    assert.equal((await text(store, old[0]!)).startsWith('old 0'), true)
    await store.destroy('a')
    assert.deepEqual(await repo.indices(), [])
    assert.deepEqual(await store.whoHas([old[0]!.cid]), [[]])
    await assert.rejects(store.get(old[0]!.cid), { code: 'BLOCK_MISSING', reason: 'unknown' })
    assert.equal(await sha256(path), before)

    await repo.car('a', fresh)
    const info = await store.register(path, { key: 'a' })
    assert.equal(info.generation, 2)
    assert.equal(await text(store, fresh[1]!), fresh[1]!.bytes.toString())
    assert.equal(await store.has(old[0]!.cid), false)
  })

  it('T-105 cancels the initialisation of a shard that is destroyed, for good', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('a', blocks('a', 20_000))
    await store.register(path, { key: 'a', lazy: true })
    const acquiring = store.acquire('a')
    const rejected = assert.rejects(acquiring, { code: 'SHARD_DESTROYED' })
    await until(() => states(store)[0] === 'a ShardStateInitializing')
    await store.destroy('a')
    await rejected
    assert.deepEqual([states(store), await repo.indices()], [[], []])
    const again = await repo.open()
    assert.deepEqual([states(again), await repo.indices()], [[], []])
  })

  it('T-107 serves the second of two acquirers when the first leaves, with one initialisation', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await store.register(await repo.car('a', blocks('a', 5000)), { key: 'a', lazy: true })
    const controller = new AbortController()
    const first = store.acquire('a', { signal: controller.signal })
    const second = store.acquire('a')
    const left = assert.rejects(first, { message: 'gone' })
    await until(() => states(store)[0] === 'a ShardStateInitializing')
    controller.abort(new Error('gone'))
    await left
    await using accessor = await second
    assert.equal(accessor.info.leases, 1)
    assert.equal(repo.indexed('a'), 1)
  })

  it('T-107 gives every waiter of a failing shard its reason', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = repo.path('torn')
    await writeFile(path, carBytes(blocks('a', 9), []).subarray(0, -1))
    await store.register(path, { key: 'a', lazy: true })
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, async () => store.acquire('a'))
    )
    for (const result of results) {
      assert.equal(result.status, 'rejected')
      const { code, cause } = result.reason as { code: string; cause: { code: string } }
      assert.deepEqual([code, cause.code], ['SHARD_FAILED', 'CAR_TRUNCATED'])
    }
    assert.equal(store.info('a').error?.code, 'CAR_TRUNCATED')
  })

  /** Breaks shard `b`, which was registered last and so is asked first. */
  const breakages: Record<string, (repo: TestRepo, path: string) => Promise<void>> = {
    'its file is gone': async (_, path) => rm(path),
    'its file is cut': async (_, path) => truncate(path, 100),
    'its file was edited': async (_, path) => flip(path, shared, { silently: false }),
    'its disk has changed a byte': async (_, path) => flip(path, shared, { silently: true })
  }
  for (const [name, breakIt] of Object.entries(breakages)) {
    it(`T-119 reads a block from another shard when ${name}`, async () => {
      await using repo = await TestRepo.create()
      const store = await repo.open({ readyShardsMax: 1 })
      await store.register(await repo.car('a', [shared, ...blocks('a', 3)]), { key: 'a' })
      const path = await repo.car('b', [shared, ...blocks('b', 3)])
      await settle(path)
      await store.register(path, { key: 'b' })
      assert.deepEqual(await store.whoHas([shared.cid]), [['b', 'a']])
      await breakIt(repo, path)
      assert.equal(await text(store, shared), 'in both')
      assert.equal(await store.size(shared.cid), shared.bytes.length)
      assert.equal(store.info('a').error, undefined)
      assert.notEqual(store.info('b').error, undefined)
    })
  }

  it('T-120 never returns flipped bytes, flags the shard and serves its other blocks', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = [shared, ...blocks('a', 3)]
    const path = await repo.car('a', made)
    await settle(path)
    await store.register(path, { key: 'a' })
    await flip(path, shared, { silently: true })
    await assert.rejects(store.get(shared.cid), { code: 'BLOCK_MISSING', reason: 'failed' })
    const info = store.info('a')
    assert.deepEqual([info.state, info.error?.code], ['ShardStateAvailable', 'BLOCK_MISMATCH'])
    assert.equal(await text(store, made[2]!), made[2]!.bytes.toString())
    await using accessor = await store.acquire('a')
    await assert.rejects(accessor.get(shared.cid), { code: 'BLOCK_MISMATCH' })
    await assert.rejects(
      async () => {
        for await (const { bytes } of accessor.blocks()) void bytes
      },
      { code: 'BLOCK_MISMATCH' }
    )
    assert.equal((await repo.open()).info('a').error?.code, 'BLOCK_MISMATCH')
  })

  it('T-120 finds a good copy of a block that the CAR holds twice', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('a', [shared, ...blocks('a', 3), shared])
    await settle(path)
    await store.register(path, { key: 'a' })
    await flip(path, shared, { silently: true })
    assert.equal(await text(store, shared), 'in both')
  })

  it('errors a CAR that was edited under it, with the reason', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('a', [shared, ...blocks('a', 3)])
    await settle(path)
    await store.register(path, { key: 'a' })
    await flip(path, shared, { silently: false })
    await assert.rejects(store.acquire('a'), { code: 'SHARD_FAILED', message: /has changed since/ })
    const { state, error } = store.info('a')
    assert.deepEqual([state, error?.code], ['ShardStateErrored', 'MOUNT_CHANGED'])
    await assert.rejects(store.register(path), { code: 'SHARD_FAILED' })
    await repo.car('a', [shared, ...blocks('a', 3)])
    await (await store.acquire('a')).close()
    assert.deepEqual(states(store), ['a ShardStateAvailable'])
  })

  it('errors a CAR that was edited in its middle, where no hash of its ends shows it', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = [...blocks('a', 2000), shared, ...blocks('b', 2000)]
    const path = await repo.car('a', made)
    await settle(path)
    await store.register(path, { key: 'a' })
    await flip(path, shared, { silently: false })
    await assert.rejects(store.get(shared.cid), { code: 'BLOCK_MISSING', reason: 'failed' })
    assert.equal(store.info('a').error?.code, 'MOUNT_CHANGED')
  })

  it('takes a file whose bytes are as they were for the same, copied or touched', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = blocks('a', 30)
    const path = await repo.car('a', made)
    await settle(path)
    await store.register(path, { key: 'a' })
    await writeFile(`${path}.copy`, carBytes(made, [made[0]!.cid]))
    await rename(`${path}.copy`, path)
    await (await store.acquire('a')).close()
    assert.deepEqual([states(store), repo.indexed('a')], [['a ShardStateAvailable'], 1])
    assert.equal(store.info('a').error, undefined)
  })

  it('serves again by itself when a missing file is back', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open({ mountRetryMs: 0, readyShardsMax: 1, openFilesMax: 1 })
    const made = blocks('a', 3)
    const path = await repo.car('a', made)
    await store.register(path, { key: 'a' })
    await rename(path, `${path}.away`)
    assert.equal(await store.has(made[0]!.cid), true)
    await assert.rejects(store.get(made[0]!.cid), { code: 'BLOCK_MISSING', reason: 'failed' })
    assert.equal(await store.has(made[0]!.cid), false)
    await rename(`${path}.away`, path)
    assert.equal(await text(store, made[0]!), made[0]!.bytes.toString())
    assert.deepEqual([states(store), repo.indexed('a')], [['a ShardStateAvailable'], 1])
  })

  it('T-121 errors no shard when the process has no file left', async () => {
    const child = join(import.meta.dirname, 'out-of-files.ts')
    await using repo = await TestRepo.create()
    const shell = ['-c', 'ulimit -n 60; exec "$0" "$1" "$2"', process.execPath, child, repo.dir]
    const { stdout } = await promisify(execFile)('/bin/sh', shell)
    assert.deepEqual(JSON.parse(stdout), {
      read: 'RESOURCE_EXHAUSTED',
      acquire: 'RESOURCE_EXHAUSTED',
      register: 'RESOURCE_EXHAUSTED',
      states: ['a ShardStateAvailable', 'lazy ShardStateNew'],
      after: 'in both'
    })
  })
})
