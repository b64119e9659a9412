/** Commands that talk to a running daemon: A serves CARs, B fetches from it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { extract } from 'tar-stream'
import { readCar } from '../blocks.ts'
import { Daemon, spawnCardock, succeed, temporaryFolder } from '../cardock.ts'
import { makeFileCar, type MadeCar } from '../dags.ts'

const examples = join(import.meta.dirname, '..', '..', 'examples')
const harbour = 'bafybeihsjrnp4r2zzjwffsdi7nu3dka4xkfsjdwdr57wduuyulswrtsloa'
const nowhere = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const largeBytes = 8 << 20

describe('cardock with a daemon', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let large: MadeCar
  let a: Daemon
  let b: Daemon

  before(async () => {
    folder = await temporaryFolder()
    const path = at('large.car')
    large = await makeFileCar({ path, bytes: largeBytes, leafBytes: 65_536, seed: 3 })
    a = await Daemon.start(at('a'), '--car', join(examples, '*.car'), '--car', path)
    b = await Daemon.start(at('b'), '--bootstrap', a.address)
  })

  after(async () => {
    await b?.[Symbol.asyncDispose]()
    await a?.[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  function at(name: string): string {
    return join(folder.path, name)
  }

  /** Runs a command that has to fail, in one line after its progress. */
  async function refused(daemon: Daemon, ...args: string[]): Promise<string> {
    const { code, stderr } = await daemon.run(...args)
    assert.equal(code, 1)
    const [last = '', ...earlier] = stderr.trimEnd().split('\n').toReversed()
    assert.ok(last.startsWith('Error: '), stderr)
    assert.ok(!earlier.some(line => line.startsWith('    at ')), stderr)
    return last
  }

  it('id: names the addresses that the daemon printed', async () => {
    assert.equal(await a.succeed('id', '-f', '<addrs>'), a.addresses.join('\n'))
  })

  it('--api: talks to a daemon by its address', async () => {
    const api = (await readFile(join(a.repo, 'api'), 'utf8')).trim()
    assert.equal(await a.succeed('--api', api, 'id', '-f', '<id>'), a.id)
    const { stderr } = await b.run('--api', api, 'id')
    assert.match(
      stderr,
      /^Error: the daemon at .+ does not take the token of this repo: .+--repo-dir/
    )
  })

  describe('reading', () => {
    it('cat: prints files, or a range of one', async () => {
      const welcome = await readFile(join(examples, 'harbour', 'welcome.txt'), 'utf8')
      const tides = await readFile(join(examples, 'harbour', 'tides.csv'), 'utf8')
      assert.equal(
        await a.succeed('cat', `${harbour}/welcome.txt`, `/ipfs/${harbour}/tides.csv`),
        welcome + tides
      )
      assert.equal(
        await a.succeed('cat', '-o', '8', '-l', '20', `${harbour}/welcome.txt`),
        welcome.slice(8, 28)
      )
    })

    it('cat: says what is not there', async () => {
      assert.match(await refused(a, 'cat', `${harbour}/nope`), /no link named "nope"/)
      assert.match(await refused(a, 'cat', harbour), /is a directory, not a file/)
      assert.match(await refused(a, 'cat', '--offline', nowhere), /is not here/)
    })

    it('ls: lists folders in columns, with headers, as a stream, as JSON', async () => {
      const columns = await a.succeed('ls', harbour)
      assert.match(columns, /^bafybei\w+ +- +pictures\/$/m)
      assert.match(columns, /^bafkrei\w+ +463 +welcome\.txt$/m)
      assert.match(await a.succeed('ls', '-v', harbour), /^Hash +Size +Name$/m)
      assert.match(await a.succeed('ls', '-s', '--no-size', harbour), /^bafkrei\w+ welcome\.txt$/m)
      const lines = (await a.succeed('ls', '--json', `${harbour}/pictures`)).trimEnd().split('\n')
      const names = lines.map(line => JSON.parse(line).Objects[0].Links[0].Name)
      assert.deepEqual(names, ['dunes.png', 'julia.png', 'lighthouse.png'])
    })

    it('get: writes a folder to disk, but not over another', async () => {
      const out = at('got')
      assert.equal(await a.succeed('get', `${harbour}/pictures`, '-o', out), `Saved to ${out}\n`)
      assert.deepEqual((await readdir(out)).sort(), ['dunes.png', 'julia.png', 'lighthouse.png'])
      assert.deepEqual(
        await readFile(join(out, 'julia.png')),
        await readFile(join(examples, 'harbour', 'pictures', 'julia.png'))
      )
      assert.match(await refused(a, 'get', harbour, '-o', join(out, 'julia.png')), /exists already/)
      await a.succeed('get', `${harbour}/tides.csv`, '-o', out)
      assert.ok((await readdir(out)).includes('tides.csv'), 'it goes into a folder that is there')
    })

    it('get: gives a tar with -a, or on stdout', async () => {
      await a.succeed('get', harbour, '-a', '-o', at('harbour'))
      const names: string[] = []
      const entries = extract()
      entries.end(await readFile(at('harbour.tar')))
      for await (const entry of entries) {
        names.push(entry.header.name.split('/').slice(1).join('/'))
        entry.resume()
      }
      assert.ok(names.includes('pictures/dunes.png'), names.join())
      const { stdout } = await a.run('get', harbour, '-o', '-')
      assert.deepEqual(stdout, await readFile(at('harbour.tar')))
    })

    it('get: leaves nothing behind when it fails', async () => {
      const found = (await readdir(folder.path)).length
      await refused(a, 'get', '--offline', nowhere, '-o', at('never'))
      assert.equal((await readdir(folder.path)).length, found)
    })

    it('block: prints the bytes of a block, and its size', async () => {
      const stat = await a.succeed('block', 'stat', `${harbour}/welcome.txt`)
      const [, cid = '', size] = /^Key: (\w+)\nSize: (\d+)\n$/.exec(stat) ?? []
      const { stdout } = await a.run('block', 'get', cid)
      assert.equal(stdout.length, Number(size))
      assert.equal(JSON.parse(await a.succeed('block', 'stat', '--json', cid)).Key, cid)
    })

    it('dag export: prints the CAR; with -p it says how much', async () => {
      const { stdout, stderr } = await a.run('dag', 'export', '-p', harbour)
      await writeFile(at('exported.car'), stdout)
      const [ours, theirs] = [
        await readCar(at('exported.car')),
        await readCar(join(examples, 'harbour.car'))
      ]
      assert.deepEqual(ours.blocks, theirs.blocks)
      assert.match(stderr, /KiB written\n$/)
    })

    it('dag import: serves a file through the daemon, and a copy of what comes on stdin', async () => {
      const path = at('exported.car')
      assert.match(await b.succeed('dag', 'import', path), /served in place, keep this file/)
      assert.match(await b.succeed('dagstore', 'list-shards', '--text', harbour), /exported\.car/)
      await b.succeed('dagstore', 'destroy-shard', harbour)
      const child = spawnCardock('--repo-dir', b.repo, 'dag', 'import', path, '--copy')
      assert.match(await text(child.stdout), /copied into the repo/)
      await b.succeed('dagstore', 'destroy-shard', harbour)
    })
  })

  describe('a reader of stdout that leaves', () => {
    for (const args of [
      ['cat', ''],
      ['dag', 'export', ''],
      ['fetch', '-o', '-', '']
    ]) {
      it(`${args.join(' ').trim()}: ends quietly`, async () => {
        const child = spawnCardock('--repo-dir', a.repo, ...args.slice(0, -1), String(large.root))
        await once(child.stdout, 'data')
        child.stdout.destroy()
        const [said] = await Promise.all([text(child.stderr), once(child, 'exit')])
        assert.ok(!said.includes('Error'), said)
        assert.equal(child.exitCode, 0)
      })
    }
  })

  describe('fetch', () => {
    it('says what came, from whom, and how far it was', async () => {
      const { code, stdout, stderr } = await b.run('fetch', '-p', harbour, '--providers', a.address)
      assert.equal(code, 0, stderr)
      const report = new RegExp(
        `^Fetched \\[${harbour}\\] from \\[${a.id}\\]:\n\tDuration: .+\n\t  Blocks: 8\n\t   Bytes: .+\n\t   Shard: ${harbour}\n$`
      )
      assert.match(stdout.toString(), report)
      assert.match(stderr, /^8 blocks · 87\.\d KiB · .+\/s · 1 peer$/m)
    })

    it('says that everything was here already', async () => {
      const said = await b.succeed('fetch', harbour)
      assert.match(said, /from \[this repo: it was here already\]/)
    })

    it('prints JSON lines of its progress and its report', async () => {
      await b.succeed('dagstore', 'destroy-shard', harbour)
      const lines = (await b.succeed('fetch', '--json', harbour)).trimEnd().split('\n')
      const values = lines.map(line => JSON.parse(line))
      const { type, root, from, shard, blocks, peers } = values.pop()
      assert.deepEqual(
        { type, root, from, shard, blocks, peers },
        {
          type: 'report',
          root: harbour,
          from: 'network',
          shard: harbour,
          blocks: 8,
          peers: [a.id]
        }
      )
      assert.ok(values.length > 0 && values.every(value => value.type === 'progress'))
    })

    it('-o FILE: writes the CAR, too', async () => {
      const out = at('large-b.car')
      await b.succeed('fetch', String(large.root), '-o', out)
      const [ours, theirs] = [await readCar(out), await readCar(large.path)]
      assert.deepEqual(ours.roots, [String(large.root)])
      assert.deepEqual(ours.blocks, theirs.blocks)
    })

    it('-o -: gives the CAR alone on stdout, while it fetches', async () => {
      await b.succeed('dagstore', 'destroy-shard', String(large.root))
      const { code, stdout, stderr } = await b.run('fetch', '-o', '-', String(large.root))
      assert.equal(code, 0, stderr)
      assert.deepEqual(stdout, await readFile(at('large-b.car')))
      assert.match(stderr, /^Fetched /)
    })

    it('brings a folder of a DAG with a path', async () => {
      const out = at('pictures.car')
      await b.succeed('fetch', `${harbour}/pictures`, '-o', out)
      assert.equal((await readCar(out)).blocks.size, 4)
    })

    it('leaves a file as it was when the DAG is not to be had', async () => {
      const out = at('kept.car')
      await writeFile(out, 'as it was')
      const reason = await refused(b, 'fetch', nowhere, '-o', out, '--timeout', '2s')
      assert.equal(reason, 'Error: not done within 2s: give it more with --timeout')
      assert.equal(await readFile(out, 'utf8'), 'as it was')
      assert.deepEqual(
        (await readdir(folder.path)).filter(name => name.endsWith('.part')),
        []
      )
    })

    it('refuses a provider that names no peer', async () => {
      const reason = await refused(b, 'fetch', nowhere, '--providers', '/ip4/127.0.0.1/tcp/1')
      assert.match(reason, /p2p/)
    })

    it('works without a daemon, and keeps what it fetched', async () => {
      const repo = at('alone')
      await succeed('--repo-dir', repo, 'init', '--profile', 'test')
      await succeed('--repo-dir', repo, 'fetch', harbour, '--provider', a.address)
      assert.match(await succeed('--repo-dir', repo, 'ls', '--offline', harbour), /welcome\.txt/)
    })
  })

  describe('the network', () => {
    it('swarm connect, swarm peers: connects and lists', async () => {
      await using c = await Daemon.start(at('c'))
      assert.equal(await c.succeed('swarm', 'peers'), '')
      assert.equal(await c.succeed('swarm', 'connect', a.address), `connect ${a.id} success\n`)
      assert.ok((await c.succeed('swarm', 'peers')).split('\n').includes(a.address))
      assert.match(await c.succeed('swarm', 'peers', '-v'), / (n\/a|\d+ms) outbound$/m)
    })

    it('routing provide, routing findprovs: announces and finds', async () => {
      assert.equal(
        await a.succeed('routing', 'provide', harbour),
        `provided ${harbour} to 1 peer\n`
      )
      assert.match(await b.succeed('routing', 'findprovs', '-n', '1', harbour), new RegExp(a.id))
      const [event] = (await b.succeed('routing', 'findprovs', '--json', harbour)).split('\n')
      assert.equal(JSON.parse(event ?? '').Type, 4)
    })

    it('bootstrap: tells the daemon and the config', async () => {
      assert.equal(await a.succeed('bootstrap', 'add', b.address), `added ${b.address}\n`)
      assert.deepEqual(JSON.parse(await a.succeed('config', 'get', 'Bootstrap')), [b.address])
      assert.equal(await a.succeed('bootstrap', 'rm', b.address), `removed ${b.address}\n`)
    })

    it('stats bitswap: counts what went out', async () => {
      const { BlocksSent, DataSent } = JSON.parse(await a.succeed('stats', 'bitswap', '--json'))
      assert.ok(BlocksSent >= large.blocks)
      assert.ok(DataSent >= large.bytes)
      assert.match(await a.succeed('stats', 'bitswap', '--human'), /^\tdata sent: [\d.]+ MiB$/m)
    })
  })
})
