/** The life of `cardock daemon`: what it prints, how it ends, who may be second. */
import assert from 'node:assert/strict'
import { exec, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { makeFileCar } from '../dags.ts'
import { cardock, Daemon, spawnCardock, succeed, temporaryFolder } from '../cardock.ts'

const root = join(import.meta.dirname, '..', '..')
const harbour = join(root, 'examples', 'harbour.car')
const harbourRoot = 'bafybeihsjrnp4r2zzjwffsdi7nu3dka4xkfsjdwdr57wduuyulswrtsloa'

describe('cardock daemon', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let repo: string

  before(async () => {
    folder = await temporaryFolder()
    repo = join(folder.path, 'repo')
  })

  after(() => folder[Symbol.asyncDispose]())

  it('prints where it listens and at last that it is ready; Ctrl-C ends it in order', async () => {
    const child = spawnCardock('--repo-dir', repo, 'daemon', '--init-profile', 'test')
    const printed: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      printed.push(line)
      if (line !== 'Daemon is ready') continue
      assert.equal(
        await readFile(join(repo, 'api'), 'utf8'),
        `${printed.at(-2)?.split(' ').at(-1)}\n`
      )
      child.kill('SIGINT')
    }
    const expected = [
      /^Swarm listening on \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3KooW\w+$/,
      /^Swarm listening on \/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws\/p2p\/12D3KooW\w+$/,
      /^RPC API server listening on \/ip4\/127\.0\.0\.1\/tcp\/\d+$/,
      /^Daemon is ready$/,
      /^Received interrupt signal, shutting down\.\.\.$/,
      /^\(Hit ctrl-c again to force-shutdown the daemon\.\)$/
    ]
    assert.equal(printed.length, expected.length, printed.join('\n'))
    for (const [at, pattern] of expected.entries()) assert.match(printed[at] ?? '', pattern)
    assert.equal(child.exitCode ?? (await once(child, 'exit'))[0], 0)
    assert.ok(!existsSync(join(repo, 'api')), 'the address of a daemon that ended is gone')
  })

  it('ends at once at the second Ctrl-C', async () => {
    const path = join(folder.path, 'stalled.car')
    const { root: large } = await makeFileCar({
      path,
      bytes: 64 << 20,
      leafBytes: 262_144,
      seed: 3
    })
    const child = spawnCardock('--repo-dir', repo, 'daemon', '--car', path)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    await untilLine(lines, 'Daemon is ready')
    // A call whose reader takes nothing holds the graceful end up for some seconds.
    const call = spawnCardock('--repo-dir', repo, 'cat', large.toString())
    await once(call.stdout, 'readable')
    child.kill('SIGINT')
    await untilLine(lines, 'Received interrupt signal, shutting down...')
    child.kill('SIGINT')
    assert.deepEqual(await once(child, 'exit'), [1, null])
    call.stdout.resume()
    assert.deepEqual(await once(call, 'exit'), [1, null])
  })

  it('ends by `shutdown`, with 0', async () => {
    await using daemon = await Daemon.start(repo)
    const ended = once(daemon.child, 'exit')
    assert.equal(await daemon.succeed('shutdown'), '')
    assert.deepEqual(await ended, [0, null])
  })

  it('starts again after a kill, with nothing to clean', async () => {
    const daemon = await Daemon.start(repo)
    await daemon.end('SIGKILL')
    assert.ok(existsSync(join(repo, 'api')), 'its address is still there')
    await using again = await Daemon.start(repo)
    assert.equal(again.id, daemon.id)
  })

  it('tells a second daemon on its repo in one line', async () => {
    await using _first = await Daemon.start(repo)
    const { code, stderr } = await cardock('--repo-dir', repo, 'daemon')
    assert.equal(code, 1)
    assert.match(stderr, /^Error: .+ is in use by another Cardock: stop it.+\n$/)
  })

  it('tells a daemon whose RPC port is taken in one line', async () => {
    await using first = await Daemon.start(repo)
    const other = join(folder.path, 'other')
    await succeed('--repo-dir', other, 'init', '--profile', 'test')
    const taken = (await readFile(join(first.repo, 'api'), 'utf8')).trim()
    await succeed('--repo-dir', other, 'config', 'set', 'Addresses.API', taken)
    const { code, stderr } = await cardock('--repo-dir', other, 'daemon')
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^Error: the RPC cannot listen on .+ \(another program .+Addresses\.API.+\n$/
    )
  })

  it('tells a daemon whose port for peers is taken in one line', async () => {
    await using first = await Daemon.start(repo, '--car', harbour)
    const taken = first.address.replace(/\/p2p\/.+/, '')
    const other = join(folder.path, 'third')
    await succeed('--repo-dir', other, 'init', '--profile', 'test')
    await succeed('--repo-dir', other, 'config', 'set', 'Addresses.Swarm', `["${taken}"]`)
    const { code, stderr } = await cardock('--repo-dir', other, 'daemon')
    assert.equal(code, 1)
    assert.match(stderr, /^Error: cannot listen on .+ \(another program .+Addresses\.Swarm.+\n$/)
    // A command of its own needs no port.
    const address = `--providers=${first.address}`
    assert.equal((await cardock('--repo-dir', other, 'fetch', harbourRoot, address)).code, 0)
  })

  it('ends in order at Ctrl-C while it starts', async () => {
    // The small one is indexed, and says so, while the large one still is.
    const path = join(folder.path, 'large.car')
    await makeFileCar({ path, bytes: 32 << 20, leafBytes: 1_024, seed: 1 })
    const cars = ['--car', path, '--car', harbour]
    const fresh = join(folder.path, 'fresh')
    const child = spawnCardock('--repo-dir', fresh, '-D', 'daemon', '--offline', ...cars)
    let interrupted = false
    for await (const line of createInterface({ input: child.stderr })) {
      if (!interrupted && line.includes('shard indexed')) interrupted = child.kill('SIGINT')
      assert.ok(!line.startsWith('Error'), line)
    }
    assert.ok(interrupted)
    assert.equal(child.exitCode ?? (await once(child, 'exit'))[0], 0)
  })

  it('listens for nobody with --offline', async () => {
    await using daemon = await Daemon.start(repo, '--offline', '--car', harbour)
    assert.deepEqual(daemon.addresses, [])
    assert.deepEqual(JSON.parse(await daemon.succeed('id')).Addresses, [])
    assert.match(await daemon.succeed('dagstore', 'list-shards'), /harbour\.car/)
  })

  it('proposes three commands under `npm start`, which work as they stand', async () => {
    const args = [join(root, 'bin', 'cardock.js'), '--repo-dir', repo, 'daemon', '--car', harbour]
    const child = spawn(process.execPath, args, {
      cwd: folder.path,
      env: { ...process.env, npm_lifecycle_event: 'start', TMPDIR: folder.path },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    await untilLine(lines, 'Try next, in another terminal:')
    const [list = '', cat = '', fetch = ''] = [
      (await lines.next()).value,
      (await lines.next()).value,
      (await lines.next()).value
    ]
    assert.match((await promisify(exec)(list, { cwd: folder.path })).stdout, /welcome\.txt/)
    assert.ok((await promisify(exec)(cat, { cwd: folder.path })).stdout.length > 0)
    assert.match(
      fetch,
      / fetch \w+ -o copy\.car -p --providers \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//
    )
    child.kill('SIGTERM')
    assert.equal((await once(child, 'exit'))[0], 0)
  })
})

async function untilLine(lines: AsyncIterator<string>, wanted: string): Promise<void> {
  for (;;) {
    const { done, value } = await lines.next()
    assert.ok(done !== true, `it ended before it printed ${wanted}`)
    if (value === wanted) return
  }
}
