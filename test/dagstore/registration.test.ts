import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, it } from 'node:test'
import { CID } from 'multiformats/cid'
import { block, blocks, carBytes, sha256, states, TestRepo } from './repo.ts'

describe('Dagstore.register', () => {
  it('takes the first root for a key, and tells apart another file that has it too', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = blocks('a', 3)
    const [one, other] = [await repo.car('one', made), await repo.car('other', made)]
    const root = made[0]!.cid.toString()
    assert.equal((await store.register(one)).key, root)
    const second = await store.register(other)
    assert.match(second.key, new RegExp(`^${root}#[0-9a-f]{8}$`))
    assert.deepEqual(await store.whoHas([made[1]!.cid]), [[second.key, root]])
    assert.equal(store.list().total, 2)
  })

  it('gives the shard that a file has already, whatever the file is called by', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('one', blocks('a', 3))
    const { id, key } = await store.register(path)
    for (const name of [path, pathToFileURL(path).href, join(repo.dir, '.', 'x', '..', 'one')]) {
      assert.equal((await store.register(name)).id, id)
    }
    assert.equal((await store.register(path, { key })).id, id)
    assert.equal(repo.indexed(key), 1)
  })

  it('registers a file once however many ask at a time', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('one', blocks('a', 3))
    const infos = await Promise.all(Array.from({ length: 20 }, async () => store.register(path)))
    assert.equal(new Set(infos.map(({ id }) => id)).size, 1)
    assert.equal(repo.indexed(infos[0]!.key), 1)
  })

  it('takes the name of a file whose CAR has no root', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await mkdir(repo.path('x'))
    const paths = [repo.path('no\nroot.car'), repo.path('x', 'no\nroot.car')]
    for (const path of paths) await writeFile(path, carBytes(blocks('a', 2), []))
    assert.equal((await store.register(paths[0]!)).key, 'no?root.car')
    assert.match((await store.register(paths[1]!)).key, /^no\?root\.car#[0-9a-f]{8}$/)
  })

  it('refuses a key that another file has', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await store.register(await repo.car('one', blocks('a', 3)), { key: 'mine' })
    const other = await repo.car('other', blocks('b', 3))
    await assert.rejects(store.register(other, { key: 'mine' }), { code: 'SHARD_EXISTS' })
    assert.deepEqual(states(store), ['mine ShardStateAvailable'])
  })

  const odd = ['a b#c?.car', '100%.car', '%41.car', '[x]*.car', 'ünï 世界.car', 'back\\slash.car']
  it('T-111 serves files whose paths have odd characters, over a restart', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    for (const name of odd) {
      await store.register(await repo.car(name, blocks(name, 3)), { key: `key of ${name}` })
    }
    const again = await repo.open()
    for (const name of odd) {
      const { cid, bytes } = blocks(name, 3)[2]!
      assert.deepEqual(Buffer.from(await again.get(cid)), bytes)
      const { id } = again.info(`key of ${name}`)
      assert.equal((await again.register(repo.path(name))).id, id)
    }
  })

  const keys = [
    'a/b',
    '..',
    '../escaped',
    '/',
    '.',
    'case',
    'CASE',
    "'; DROP TABLE shards --",
    '%',
    '\u00e9',
    'e\u0301'
  ]
  it('T-112 keeps odd keys apart and writes nothing outside its folders', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    for (const [at, key] of keys.entries()) {
      await store.register(await repo.car(`${at}.car`, blocks(`${at}`, 2)), { key })
    }
    const again = await repo.open()
    for (const [at, key] of keys.entries()) {
      assert.deepEqual(await again.whoHas([blocks(`${at}`, 2)[1]!.cid]), [[key]])
      assert.deepEqual(
        again.list({ text: key }).shards.some(shard => shard.key === key),
        true
      )
    }
    const outside = (await readdir(repo.dir)).filter(name => !name.endsWith('.car'))
    assert.deepEqual(outside, ['repo'])
    assert.deepEqual(await repo.names(), ['cars', 'datastore', 'index'])
    assert.equal((await repo.indices()).length, keys.length)
    for (const key of keys) await again.destroy(key)
    assert.deepEqual(await repo.indices(), [])
  })

  it('T-112 refuses a key that is empty, too long or not a line of text', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('a', blocks('a', 1))
    const bad = ['', 'x'.repeat(10_240), `${'x'.repeat(1023)}é`, 'a\0b', 'a\nb', 'a\ud800']
    for (const key of bad) {
      await assert.rejects(store.register(path, { key }), { code: 'SHARD_KEY_INVALID' })
    }
    assert.equal(store.list().total, 0)
  })

  it('T-112 takes a key of exactly 1024 bytes', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const key = `${'x'.repeat(1022)}é`
    assert.equal((await store.register(await repo.car('a', blocks('a', 1)), { key })).key, key)
  })

  it('registers nothing when the file is not there, no file, or no CAR', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await writeFile(repo.path('text'), 'not a CAR at all'.repeat(20))
    const cases = [
      { mount: repo.path('none'), code: 'MOUNT_UNAVAILABLE' },
      { mount: repo.dir, code: 'MOUNT_UNAVAILABLE' },
      { mount: 'http://127.0.0.1/a.car', code: 'MOUNT_UNSUPPORTED' },
      { mount: repo.path('text'), code: 'CAR_INVALID' }
    ]
    for (const { mount, code } of cases) {
      await assert.rejects(store.register(mount), { code }, mount)
      await assert.rejects(store.register(mount, { key: 'key', lazy: true }), { code }, mount)
    }
    assert.equal(store.list().total, 0)
  })

  it('errors a torn CAR and indexes it anew when it is registered whole', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = blocks('a', 5)
    const path = repo.path('torn.car')
    const whole = carBytes(made, [made[0]!.cid])
    await writeFile(path, whole.subarray(0, -3))
    await assert.rejects(store.register(path), { code: 'SHARD_FAILED', message: /unexpected end/ })
    const key = made[0]!.cid.toString()
    assert.deepEqual(states(store), [`${key} ShardStateErrored`])
    await assert.rejects(store.acquire(key), { code: 'SHARD_FAILED' })
    await writeFile(path, whole)
    const info = await store.register(path)
    assert.deepEqual([info.key, info.state, info.error], [key, 'ShardStateAvailable', undefined])
    assert.deepEqual(Buffer.from(await store.get(made[4]!.cid)), made[4]!.bytes)
  })

  it('never changes, moves or deletes a file that it was given', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const fixture = join(
      import.meta.dirname,
      '../../../shared/fixtures/go-car/sample-wrapped-v2.car'
    )
    const paths = [await repo.car('a.car', blocks('a', 50))]
    if (existsSync(fixture)) {
      await copyFile(fixture, repo.path('b.car'))
      paths.push(repo.path('b.car'))
    }
    const facts = async (path: string): Promise<unknown> => {
      const { mtimeMs, ino, size, mode } = await stat(path)
      return { mtimeMs, ino, size, mode, hash: await sha256(path) }
    }
    const before = await Promise.all(paths.map(facts))
    for (const path of paths) {
      const { key } = await store.register(path, { announce: 'all' })
      await (await store.acquire(key)).close()
      await store.destroy(key)
      await store.register(path)
    }
    await repo.open()
    assert.deepEqual(await Promise.all(paths.map(facts)), before)
  })

  it('deletes the CAR of a destroyed shard that it owns', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = await repo.car('a.car', blocks('a', 3))
    const owned = repo.path('repo', 'cars', 'a.car')
    await rename(made, owned)
    const { key } = await store.register(owned, { owned: true })
    await store.destroy(key)
    assert.deepEqual(await repo.names('cars'), [])
    assert.equal((await repo.open()).list().total, 0)
  })

  it('tells who listens of each shard that was indexed, whatever a listener does', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const heard: string[] = []
    store.onRegistered(() => {
      throw new Error('a bad listener')
    })
    const stop = store.onRegistered(({ key, state }) => heard.push(`${key} ${state}`))
    await store.register(await repo.car('a', blocks('a', 3)), { key: 'a' })
    await store.register(await repo.car('b', blocks('b', 3)), { key: 'b', lazy: true })
    stop()
    await store.register(await repo.car('c', blocks('c', 3)), { key: 'c' })
    assert.deepEqual(heard, ['a ShardStateAvailable'])
  })
})

describe('a key that is destroyed and registered at the same time', () => {
  it('is that of the new shard', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const path = await repo.car('a', blocks('a', 3))
    const { key } = await store.register(path)
    const destroying = store.destroy(key)
    const info = await store.register(path)
    await destroying
    assert.deepEqual([info.key, info.generation], [key, 2])
    assert.deepEqual(states(store), [`${key} ShardStateAvailable`])
  })
})

describe('a CAR of ours over which there are two shards', () => {
  it('is kept until the last of them is destroyed', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const made = blocks('a', 3)
    const car = await store.inbound(made[0]!.cid)
    for (const each of made) await car.append(each)
    const { key, mount } = await store.adopt(car, { roots: [made[0]!.cid] })
    assert.equal((await store.register(mount, { key: 'other' })).owned, false)
    await store.destroy(key)
    assert.equal((await repo.names('cars')).length, 1)
    assert.deepEqual(Buffer.from(await store.get(made[1]!.cid)), made[1]!.bytes)
    const again = await repo.open()
    assert.deepEqual(
      again.list().shards.map(shard => [shard.key, shard.owned]),
      [['other', true]]
    )
    await again.destroy('other')
    assert.deepEqual(await repo.names('cars'), [])
  })
})

describe('Dagstore as a block source', () => {
  it('answers identity CIDs out of themselves', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const cid = CID.parse('bafkqablimvwgy3y')
    assert.equal(Buffer.from(await store.get(cid)).toString(), 'hello')
    assert.deepEqual([await store.has(cid), await store.size(cid)], [true, 5])
    assert.deepEqual(await store.whoHas([cid]), [[]])
  })

  it('finds a block by its multihash, whatever the codec and version of the CID', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const { cid, bytes } = block('text')
    await store.register(await repo.car('a', [{ cid, bytes }]), { key: 'a' })
    for (const other of [CID.createV1(0x70, cid.multihash), CID.createV0(cid.multihash as never)]) {
      assert.deepEqual(Buffer.from(await store.get(other)), bytes)
      assert.equal(await store.size(other), bytes.length)
    }
  })

  it('says that no shard names a block', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const { cid } = block('nowhere')
    assert.equal(await store.has(cid), false)
    await assert.rejects(store.get(cid), { code: 'BLOCK_MISSING', reason: 'unknown' })
    await assert.rejects(store.size(cid), { code: 'BLOCK_MISSING', reason: 'unknown' })
  })

  it('stops for a signal with the reason of who gave it', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    const signal = AbortSignal.abort(new Error('enough'))
    await assert.rejects(store.get(block('any').cid, { signal }), { message: 'enough' })
    const path = await repo.car('a', blocks('a', 3))
    await assert.rejects(store.register(path, { signal }), { message: 'enough' })
  })

  it('refuses everything once it is closed, and closes twice', async () => {
    await using repo = await TestRepo.create()
    const store = await repo.open()
    await store.close()
    await store.close()
    await assert.rejects(store.get(block('any').cid), { code: 'CLOSED' })
    assert.throws(() => store.list(), { code: 'CLOSED' })
  })
})
