import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { isRepo, openRepo, readConfig, setConfig } from '../../src/node/repo.ts'
import { layoutOf } from '../../src/repo-layout.ts'

let path: string

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'cardock-repo-')), 'repo')
})

afterEach(async () => {
  await rm(join(path, '..'), { recursive: true })
})

describe('openRepo', () => {
  it('makes a repo out of nothing and keeps its identity', async () => {
    assert.equal(await isRepo(path), false)
    const first = await openRepo(path)
    const id = peerIdFromPrivateKey(first.identity)
    const { token } = first
    first[Symbol.dispose]()
    assert.equal(await isRepo(path), true)

    using second = await openRepo(path)
    assert.equal(second.identity.type, 'Ed25519')
    assert.ok(peerIdFromPrivateKey(second.identity).equals(id))
    assert.equal(second.token, token)
  })

  it('keeps key and token from other users', async () => {
    using repo = await openRepo(path)
    for (const file of [repo.layout.identity, repo.layout.token]) {
      assert.equal((await stat(file)).mode & 0o777, 0o600)
    }
  })

  it('writes a profile into a new config.toml and leaves an old one alone', async () => {
    const first = await openRepo(path, { profile: 'test' })
    assert.deepEqual(first.config.Bootstrap, [])
    first[Symbol.dispose]()
    const text = await readFile(layoutOf(path).config, 'utf8')
    using second = await openRepo(path, { profile: 'server' })
    assert.equal(await readFile(layoutOf(path).config, 'utf8'), text)
    assert.deepEqual(second.config.Addresses?.Swarm, [
      '/ip4/127.0.0.1/tcp/0',
      '/ip4/127.0.0.1/tcp/0/ws'
    ])
  })

  it('sets a key and keeps the file when the value is refused', async () => {
    const layout = layoutOf(path)
    using _ = await openRepo(path)
    await setConfig(layout, 'Fetch.IdleTimeout', '45s')
    assert.equal((await readConfig(layout)).Fetch?.IdleTimeout, '45s')
    const text = await readFile(layout.config, 'utf8')
    await assert.rejects(setConfig(layout, 'Fetch.IdleTimeout', 'soon'), { code: 'CONFIG_INVALID' })
    assert.equal(await readFile(layout.config, 'utf8'), text)
  })

  it('refuses a repo of a newer version and names it', async () => {
    const repo = await openRepo(path)
    repo[Symbol.dispose]()
    await writeFile(layoutOf(path).version, '7\n')
    await assert.rejects(openRepo(path), { code: 'REPO_VERSION', message: /version "7"/ })
  })

  it('refuses a second opening in the same process', async () => {
    using _ = await openRepo(path)
    await assert.rejects(openRepo(path), { code: 'REPO_LOCKED', message: /cardock shutdown/ })
  })

  it('refuses a second process and opens again after a kill, with nothing to clean', async () => {
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', holdRepo, path], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    await once(holder.stdout, 'data')
    await assert.rejects(openRepo(path), { code: 'REPO_LOCKED' })
    const left = await readdir(path)
    holder.kill('SIGKILL')
    await once(holder, 'exit')

    using _ = await openRepo(path)
    assert.deepEqual(await readdir(path), left)
  })
})

const holdRepo = `
  import { openRepo } from ${JSON.stringify(new URL('../../src/node/repo.ts', import.meta.url))}
  await openRepo(process.argv[1])
  console.log('held')
  setInterval(() => {}, 1000)
`
