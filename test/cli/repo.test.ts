/** Commands without a daemon: they open the repo themselves. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { openRepo } from '../../src/node/index.ts'
import { cardock, spawnCardock, succeed, temporaryFolder, type Finished } from '../cardock.ts'

const root = join(import.meta.dirname, '..', '..')
const harbour = join(root, 'examples', 'harbour.car')
const harbourRoot = 'bafybeihsjrnp4r2zzjwffsdi7nu3dka4xkfsjdwdr57wduuyulswrtsloa'
const nowhere = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const logbook = join(root, 'examples', 'logbook.car')

describe('cardock without a daemon', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let repo: string

  before(async () => {
    folder = await temporaryFolder()
    repo = join(folder.path, 'repo')
    await run('init', '--profile', 'test')
    await run('dag', 'import', harbour)
  })

  after(() => folder[Symbol.asyncDispose]())

  function run(...args: string[]): Promise<string> {
    return succeed('--repo-dir', repo, ...args)
  }

  /** Runs a command that has to fail, in one line. */
  async function refused(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await cardock('--repo-dir', repo, ...args)
    assert.equal(code, 1, stdout.toString())
    assert.match(stderr, /^Error: .+\n$/)
    return stderr
  }

  function another(): string {
    return join(folder.path, crypto.randomUUID())
  }

  describe('init', () => {
    it('makes a repo whose secrets are for its owner alone, and says who it is', async () => {
      const path = another()
      const said = await succeed('--repo-dir', path, 'init')
      assert.match(said, /^peer identity: 12D3KooW\w+\nmade a repo at /)
      for (const name of ['identity.key', 'token']) {
        assert.equal((await stat(join(path, name))).mode & 0o777, 0o600, name)
      }
    })

    it('leaves a repo that is there as it is', async () => {
      assert.match(await refused('init'), /is a repo already: choose another with --repo-dir/)
    })
  })

  describe('config', () => {
    it('shows every value as TOML, or as JSON', async () => {
      assert.match(await run('config', 'show'), /^\[Announce\]\nPolicy = "roots"$/m)
      const shown = JSON.parse(await run('config', 'show', '--json'))
      assert.equal(shown.Routing.Type, 'auto')
    })

    it('gets what was set', async () => {
      await run('config', 'set', 'Announce.Interval', '20h')
      assert.equal(await run('config', 'get', 'Announce.Interval'), '20h\n')
      assert.deepEqual(JSON.parse(await run('config', 'get', 'Addresses.Announce')), [])
    })

    it('makes a repo where there is none', async () => {
      const path = another()
      await succeed('--repo-dir', path, 'config', 'set', 'Routing.Type', 'none')
      assert.match(await readFile(join(path, 'config.toml'), 'utf8'), /^Type = "none"$/m)
      assert.equal(JSON.parse(await succeed('--repo-dir', path, 'id')).Protocols.length, 0)
    })

    it('names the nearest key for one that there is not', async () => {
      assert.match(await refused('config', 'get', 'Routing.Typ'), /Routing\.Typ/)
      assert.match(await refused('config', 'set', 'Routing.Typ', 'dht'), /nearest.*Routing\.Type/)
    })
  })

  it('id: prints the peer, or what --format asks for', async () => {
    const { ID, AgentVersion, PublicKey } = JSON.parse(await run('id'))
    assert.equal(AgentVersion, `cardock/${await packageVersion()}`)
    assert.ok(Buffer.from(PublicKey, 'base64').length === 36)
    assert.equal(await run('id', '-f', '<id>\\n<unknown>'), `${ID}\n<unknown>`)
  })

  it('version: prints this one, more with --all, only the number with -n', async () => {
    const version = await packageVersion()
    assert.equal(await run('version'), `cardock version ${version}\n`)
    assert.equal(await run('--version'), `cardock version ${version}\n`)
    assert.equal(await run('version', '-n'), `${version}\n`)
    assert.match(await run('version', '--all'), /^Node version: v\d+/m)
    assert.equal(JSON.parse(await run('version', '--enc', 'json')).Version, version)
  })

  describe('dag import', () => {
    it('serves a file in place and says so', async () => {
      const path = another()
      const said = await succeed('--repo-dir', path, 'dag', 'import', harbour, logbook)
      const [first, second] = said.trimEnd().split('\n')
      assert.ok(
        first?.startsWith(`${harbour}: served in place, keep this file (shard ${harbourRoot},`)
      )
      assert.ok(second?.startsWith(`${logbook}: served in place`))
      assert.deepEqual(await readdir(join(path, 'cars')), [])
    })

    it('copies with --copy', async () => {
      const path = another()
      const said = await succeed('--repo-dir', path, 'dag', 'import', '--copy', harbour)
      assert.match(said, /: copied into the repo \(shard /)
      assert.equal((await readdir(join(path, 'cars'))).length, 1)
    })

    it('copies what comes on stdin', async () => {
      const path = another()
      const said = await piped(harbour, '--repo-dir', path, 'dag', 'import', '-')
      assert.match(said.stdout.toString(), /^-: copied into the repo/)
      assert.equal(
        await succeed('--repo-dir', path, 'ls', harbourRoot),
        await run('ls', harbourRoot)
      )
    })

    it('names each file that it cannot take, takes the others, and exits with 1', async () => {
      const torn = join(folder.path, 'torn.car')
      await writeFile(torn, (await readFile(harbour)).subarray(0, 50_000))
      const path = another()
      const result = await cardock('--repo-dir', path, 'dag', 'import', torn, harbour)
      assert.equal(result.code, 1)
      assert.match(result.stdout.toString(), /harbour\.car: served in place/)
      assert.match(
        result.stderr,
        /torn\.car: not imported: .+\nError: 1 of 2 files not imported\n$/
      )
    })

    it('prints JSON where a program reads', async () => {
      const [line] = (await run('dag', 'import', '--json', harbour)).split('\n')
      const { file, roots, blocks, owned } = JSON.parse(line ?? '')
      assert.deepEqual(
        { file, roots, blocks, owned },
        {
          file: harbour,
          roots: [harbourRoot],
          blocks: 8,
          owned: false
        }
      )
    })
  })

  describe('dagstore', () => {
    it('registers, lists and destroys a shard, and leaves its file', async () => {
      const path = join(folder.path, 'mine.car')
      await copyFile(logbook, path)
      const registered = await run('dagstore', 'register-shard', '--key', 'mine', path)
      assert.match(registered, /^registered mine \(ShardState\w+\)\n$/)
      assert.match(await run('dagstore', 'list-shards'), /^mine +ShardStateAvailable +7 /m)
      const listed = await run('dagstore', 'list-shards', '--json', '--text', 'mine')
      assert.deepEqual(JSON.parse(listed).key, 'mine')
      assert.equal(await run('dagstore', 'list-shards', '--state', 'ShardStateErrored'), '')

      assert.equal(await run('dagstore', 'destroy-shard', 'mine'), 'destroyed mine\n')
      assert.equal(await run('dagstore', 'list-shards', '--text', 'mine'), '')
      assert.deepEqual(await readFile(path), await readFile(logbook))
    })

    it('says that a shard is not known', async () => {
      assert.match(await refused('dagstore', 'destroy-shard', 'nobody'), /nobody/)
    })
  })

  it('bootstrap: adds to the list, prints it and takes from it', async () => {
    const address = `/ip4/127.0.0.1/tcp/4001/p2p/${JSON.parse(await run('id')).ID}`
    assert.equal(await run('bootstrap', 'list'), '')
    assert.equal(await run('bootstrap', 'add', address), `added ${address}\n`)
    assert.equal(await run('bootstrap', 'list'), `${address}\n`)
    assert.match(await refused('bootstrap', 'add', '/ip4/127.0.0.1/tcp/1'), /p2p/)
    assert.match(await refused('bootstrap', 'rm', `${address}x`), /is not in the list/)
    assert.equal(await run('bootstrap', 'rm', '--all'), `removed ${address}\n`)
    assert.equal(await run('bootstrap', 'list'), '')
  })

  describe('commands of a daemon', () => {
    for (const args of [
      ['shutdown'],
      ['swarm', 'peers'],
      ['stats', 'bitswap'],
      ['routing', 'provide', harbourRoot]
    ]) {
      it(`${args.join(' ')}: says how to start one`, async () => {
        assert.match(await refused(...args), /no daemon runs on .+: start it with `cardock daemon`/)
      })
    }
  })

  it('says that the repo is in use when another process holds it', async () => {
    using _held = await openRepo(repo)
    assert.match(await refused('id'), /is in use by another Cardock: stop it/)
  })

  it('says that nobody answers at --api', async () => {
    assert.match(await refused('--api', '/ip4/127.0.0.1/tcp/1', 'id'), /no daemon answers at/)
  })

  it('uses $CARDOCK_PATH, else a folder in the home', async () => {
    const { CARDOCK_PATH: _unset, ...env } = process.env
    const home = { ...env, HOME: folder.path }
    const byDefault = await runWith(home, 'swarm', 'peers')
    assert.ok(byDefault.includes(` ${join(folder.path, '.cardock')}:`), byDefault)
    const named = await runWith({ ...home, CARDOCK_PATH: '/nowhere' }, 'swarm', 'peers')
    assert.ok(named.includes(' /nowhere:'), named)
  })

  it('ends in order at Ctrl-C', async () => {
    const child = spawnCardock('--repo-dir', repo, 'fetch', nowhere, '--json')
    const said = text(child.stderr)
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    assert.equal((await once(child, 'exit'))[0], 1)
    assert.match(await said, /^Error: interrupted: what was fetched is kept$/m)
  })

  describe('usage', () => {
    const mistakes = [
      { args: ['catt', 'x'], near: 'cat' },
      { args: ['dag', 'imprt', 'x'], near: 'import' },
      { args: ['cat', '--ofset', '3', 'x'], near: '--offset' },
      { args: ['fetch', '--provders', 'x', 'y'], near: '--providers' },
      { args: ['id', '--jsn'], near: '--json' }
    ]
    for (const { args, near } of mistakes) {
      it(`suggests ${near} for ${args.join(' ')}`, async () => {
        assert.ok((await refused(...args)).includes(`(Did you mean ${near}?)`))
      })
    }

    const wrong = [
      { args: ['cat'], reason: /missing required argument 'path'/ },
      { args: ['cat', '-o', '-1', 'x'], reason: /It is not a whole number/ },
      { args: ['routing', 'findprovs', '-n', '0', 'x'], reason: /It must be 1 or more/ },
      { args: ['id', '--timeout', 'soon'], reason: /soon is not a time such as 30s/ },
      { args: ['daemon', '--routing', 'all'], reason: /Allowed choices are auto,/ },
      { args: ['bootstrap', 'rm'], reason: /name an address, or say --all/ },
      { args: ['fetch', '--offline', harbourRoot], reason: /dag export --offline/ },
      { args: ['cat', '--offline', 'nonsense'], reason: /"nonsense" is not a CID/ }
    ]
    for (const { args, reason } of wrong) {
      it(`says what is wrong with ${args.join(' ')}`, async () => {
        assert.match(await refused(...args), reason)
      })
    }

    it('shows where an error comes from with -D alone', async () => {
      const { stderr } = await cardock('--repo-dir', repo, '-D', 'cat', '--offline', 'nonsense')
      assert.match(stderr, /^Error: .+\nCidInvalidError: .+\n {4}at /m)
    })
  })
})

async function packageVersion(): Promise<string> {
  return JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).version
}

/** Runs a command with a file on its stdin. */
async function piped(file: string, ...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, [join(root, 'bin', 'cardock.js'), ...args])
  createReadStream(file).pipe(child.stdin)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
  return { code, stdout: Buffer.from(stdout), stderr }
}

/** What a command that fails says, in this environment. */
async function runWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  return text(spawn(process.execPath, [join(root, 'bin', 'cardock.js'), ...args], { env }).stderr)
}
