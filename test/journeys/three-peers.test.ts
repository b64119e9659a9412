/**
 * The main job, end to end: A serves CARs in place, B finds and fetches them, A goes, C fetches them
 * from B. Four real processes over TCP on 127.0.0.1 that know a bootstrap address alone.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { CID } from 'multiformats/cid'
import { readCar } from '../blocks.ts'
import { Daemon, temporaryFolder, until } from '../cardock.ts'
import { makeFileCar, makeHamtCar } from '../dags.ts'

const fixtures = join('..', 'shared', 'fixtures')
/** Whole DAGs. The third is of blake2b-256, whose roots the DHT of js-libp2p does not take. */
const wholeFixtures = [
  'go-car-cmd/simple-unixfs.car',
  'go-car/sample-unixfs-v2.car',
  'go-car/sample-v1.car'
]

interface Served {
  readonly name: string
  readonly path: string
  readonly root: string
  readonly sha256: string
}

describe('three peers that know a bootstrap address alone', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let bootstrap: Daemon
  let a: Daemon
  let b: Daemon
  let served: Served[]

  before(async () => {
    folder = await temporaryFolder()
    const cars = join(folder.path, 'cars')
    served = await gather(cars)
    bootstrap = await Daemon.start(join(folder.path, 'bootstrap'))
    a = await joined('a', '--car', join(cars, '*.car'))
    b = await joined('b', '--routing=dhtclient')
  })

  after(async () => {
    for (const daemon of [b, a, bootstrap]) await daemon?.[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  it('serves the files in place, unchanged', async () => {
    for (const { path, sha256 } of served) assert.equal(await sha256Of(path), sha256)
    assert.deepEqual(await readdir(join(a.repo, 'cars')), [], 'nothing was copied')
  })

  it('fetches each DAG from the peer that the DHT names, block for block', async () => {
    for (const { name, path, root } of served) {
      const out = join(folder.path, `b-${name}`)
      const named = isForDht(root) ? [] : ['--providers', a.address]
      await b.succeed('fetch', root, '-o', out, '-p', '--timeout', '120s', ...named)
      await assertSameBlocks(out, path, root)
    }
  })

  it('seals what it fetched as CARv2 that other tools read', async () => {
    const sealed = (await readdir(join(b.repo, 'cars'))).map(name => join(b.repo, 'cars', name))
    assert.equal(sealed.length, served.length)
    assert.ok(
      sealed.every(path => path.endsWith('.car')),
      'every part is sealed'
    )
    for (const { path, root } of served) {
      const own = sealed.find(name => basename(name).startsWith(root))
      assert.ok(own, `a CAR of ${root} is in the repo`)
      await assertSameBlocks(own, path, root)
    }
  })

  it('seals CARs that go-car verifies and reads', async t => {
    const car = await promisify(execFile)('which', ['car']).catch(() => undefined)
    if (car === undefined) return t.skip('go-car (`car`) is not on PATH')
    for (const name of await readdir(join(b.repo, 'cars'))) {
      const path = join(b.repo, 'cars', name)
      await promisify(execFile)('car', ['verify', path])
      const { stdout } = await promisify(execFile)('car', ['inspect', path])
      assert.match(stdout, /Index type: car-multihash-index-sorted/)
    }
  })

  it('reads UnixFS with paths', async () => {
    const harbour = served.find(({ name }) => name === 'harbour.car')
    assert.ok(harbour)
    const picture = await b.run('cat', `${harbour.root}/pictures/julia.png`)
    assert.equal(picture.code, 0, picture.stderr)
    assert.deepEqual(
      createHash('sha256').update(picture.stdout).digest('hex'),
      await sha256Of(join('examples', 'harbour', 'pictures', 'julia.png'))
    )
    assert.match(await b.succeed('ls', harbour.root), /tides\.csv/)
  })

  it('lets C fetch the same from B once A is gone', async () => {
    assert.equal(await a.end('SIGINT'), 0, a.stderr)
    await using c = await joined('c')
    assert.ok(!(await c.succeed('swarm', 'peers')).includes(b.id), 'C has not met B')
    for (const { name, path, root } of served) {
      if (isForDht(root)) {
        await until(`${name} to be announced by B`, async () => {
          const providers = await c.succeed('routing', 'findprovs', root)
          return providers.includes(b.id) ? true : undefined
        })
      }
      const out = join(folder.path, `c-${name}`)
      const named = isForDht(root) ? [] : ['--providers', b.address]
      await c.succeed('fetch', root, '-o', out, '--timeout', '120s', ...named)
      await assertSameBlocks(out, path, root)
    }
  })

  function joined(name: string, ...args: string[]): Promise<Daemon> {
    return Daemon.start(join(folder.path, name), '--bootstrap', bootstrap.address, ...args)
  }
})

function isForDht(root: string): boolean {
  return CID.parse(root).multihash.code === 0x12
}

async function gather(folder: string): Promise<Served[]> {
  await mkdir(folder)
  for (const name of ['harbour.car', 'logbook.car']) {
    await cp(join('examples', name), join(folder, name))
  }
  for (const name of wholeFixtures) {
    const path = join(fixtures, name)
    if (existsSync(path)) await cp(path, join(folder, basename(name)))
    else process.stdout.write(`# ${path} is absent: the journey goes without it\n`)
  }
  await makeFileCar({
    path: join(folder, 'large.car'),
    bytes: 256 << 20,
    leafBytes: 262_144,
    seed: 9
  })
  await makeHamtCar({ path: join(folder, 'wide.car'), entries: 5_000 })
  const names = await readdir(folder)
  return Promise.all(
    names.map(async name => {
      const path = join(folder, name)
      const { roots } = await readCar(path)
      return { name, path, root: roots[0] ?? '', sha256: await sha256Of(path) }
    })
  )
}

/** The same blocks by multihash; identity CIDs carry their own bytes and are not compared. */
async function assertSameBlocks(actual: string, expected: string, root: string): Promise<void> {
  const [ours, theirs] = [await readCar(actual), await readCar(expected)]
  assert.deepEqual(ours.roots, [root])
  assert.deepEqual(ours.blocks, theirs.blocks)
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
