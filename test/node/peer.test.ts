import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { CarBlockIterator } from '@ipld/car'
import { silentLog } from '../../src/log.ts'
import { createPeer, providerAt } from '../../src/node/index.ts'
import type { FetchReport, Peer, PeerOptions } from '../../src/node/index.ts'
import { readCar } from '../blocks.ts'
import { temporaryFolder, until } from '../cardock.ts'
import { makeFileCar, makeHamtCar, type MadeCar } from '../dags.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let file: MadeCar
let directory: MadeCar

before(async () => {
  folder = await temporaryFolder()
  file = await makeFileCar({
    path: join(folder.path, 'file.car'),
    bytes: 6 * 2 ** 20,
    leafBytes: 65_536,
    seed: 7
  })
  directory = await makeHamtCar({ path: join(folder.path, 'directory.car'), entries: 300 })
})

after(async () => {
  await folder[Symbol.asyncDispose]()
})

let repos = 0

async function start(options: PeerOptions = {}): Promise<Peer> {
  repos += 1
  const repo = options.repo ?? join(folder.path, `repo-${repos}`)
  return createPeer({ profile: 'test', ...options, repo })
}

function addressOf(peer: Peer): string {
  const [address] = peer.addresses
  assert.ok(address)
  return address.toString()
}

async function announced(peer: Peer, count: number): Promise<void> {
  await until(`${count} announcements`, async () => {
    await new Promise(setImmediate)
    return peer.discovery.status().done >= count || undefined
  })
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks))
}

describe('a peer', () => {
  it('serves CARs in place, is found over the DHT, and what is fetched is served again', async () => {
    await using hub = await start()
    const bootstrap = [addressOf(hub)]
    const factsBefore = await stat(file.path, { bigint: true })
    const a = await start({ bootstrap, routing: 'dhtclient', cars: [folder.path] })
    await using b = await start({ bootstrap })
    await announced(a, 2)
    assert.ok(!b.libp2p.getPeers().some(peer => peer.equals(a.id)))

    const reports: FetchReport[] = []
    for (const { root } of [file, directory]) reports.push(await b.fetch(root))
    for (const [at, made] of [file, directory].entries()) {
      const report = reports[at]
      assert.equal(report?.from, 'network')
      assert.equal(report.blocks, made.blocks)
      assert.equal(report.bytes, made.bytes)
      assert.deepEqual(report.peers, [a.id.toString()])
      const shard = b.dagstore.info(report.shard ?? '')
      assert.equal(shard.owned, true)
      assert.deepEqual(await readCar(new URL(shard.mount).pathname), await readCar(made.path))
    }
    const facts = await stat(file.path, { bigint: true })
    assert.deepEqual([facts.size, facts.mtimeNs], [factsBefore.size, factsBefore.mtimeNs])

    await announced(b, 2)
    await a.close()
    await using c = await start({ bootstrap })
    const again = await c.fetch(file.root)
    assert.deepEqual(again.peers, [b.id.toString()])
    const car = await bytesOf(c.exportCar(file.root, { offline: true }))
    assert.deepEqual(
      await Array.fromAsync(await CarBlockIterator.fromBytes(car), ({ cid }) => cid.toString()),
      await Array.fromAsync(
        await CarBlockIterator.fromBytes(await bytesOf(b.exportCar(file.root))),
        ({ cid }) => cid.toString()
      )
    )
  })

  it('reads over the network what is asked for, and makes a shard of a whole DAG only', async () => {
    await using a = await start({ cars: [file.path, directory.path] })
    await using b = await start({ bootstrap: [addressOf(a)] })
    await announced(a, 2)
    const path = `${directory.root}/entry-17.txt`
    assert.equal((await bytesOf(b.cat(path))).toString(), 'I am entry-17.txt')
    assert.equal(b.dagstore.list({}).total, 0)
    const entries = await Array.fromAsync(b.ls(`/ipfs/${directory.root}`))
    assert.equal(entries.length, 300)

    const [all, range] = await Promise.all([
      bytesOf(b.cat(file.root.toString())),
      bytesOf(b.cat(file.root.toString(), { offset: 1_000_000, length: 10 }))
    ])
    assert.equal(all.length, 6 * 2 ** 20)
    assert.ok(range.equals(all.subarray(1_000_000, 1_000_010)))
    assert.equal(b.dagstore.list({}).total, 1)
  })

  it('follows a fetch with an export, and shares it', async () => {
    await using a = await start({ cars: [file.path] })
    await using b = await start({ bootstrap: [addressOf(a)] })
    await announced(a, 1)
    const progress: number[] = []
    const [report, car] = await Promise.all([
      b.fetch(file.root, { onProgress: ({ blocks }) => progress.push(blocks) }),
      bytesOf(b.exportCar(file.root))
    ])
    assert.equal(report.blocks, file.blocks)
    assert.equal(progress.at(-1), file.blocks)
    const path = join(folder.path, 'exported.car')
    await writeFile(path, car)
    assert.deepEqual(await readCar(path), await readCar(file.path))
    assert.equal(a.exchange.stats().dataSent, file.bytes)
  })

  it('keeps what an aborted fetch wrote and asks for the rest', async () => {
    await using a = await start({ cars: [file.path] })
    await using b = await start({ bootstrap: [addressOf(a)] })
    await announced(a, 1)
    const stop = new AbortController()
    const reason = new Error('enough')
    const aborted = b.fetch(file.root, {
      signal: stop.signal,
      onProgress: ({ blocks }) => blocks > 0 && stop.abort(reason)
    })
    await assert.rejects(aborted, reason)
    const report = await b.fetch(file.root)
    assert.equal(report.blocks, file.blocks)
    assert.ok(report.reusedBlocks > 0)
    assert.ok(a.exchange.stats().dataSent <= file.bytes * 1.05)
  })

  it('lets one of two leave a fetch without harm to the other', async () => {
    await using a = await start({ cars: [file.path] })
    await using b = await start()
    const providers = a.addresses.map(providerAt)
    const stop = new AbortController()
    const [left, stayed] = await Promise.allSettled([
      b.fetch(file.root, { providers, signal: stop.signal, onProgress: () => stop.abort() }),
      b.fetch(file.root, { providers })
    ])
    assert.equal(left.status, 'rejected')
    assert.equal(stayed.status, 'fulfilled')
    assert.equal(a.exchange.stats().dataSent, file.bytes)
  })

  it('ends a fetch when it is closed, and goes on with it in its next life', async () => {
    await using a = await start({ cars: [file.path] })
    const repo = join(folder.path, 'closed')
    const providers = a.addresses.map(providerAt)
    const first = await start({ repo })
    const arrived = Promise.withResolvers<void>()
    const ended = assert.rejects(
      first.fetch(file.root, {
        providers,
        onProgress: ({ blocks }) => blocks > 0 && arrived.resolve()
      }),
      { code: 'CLOSED' }
    )
    await arrived.promise
    await first.close()
    await ended

    await using second = await start({ repo })
    const report = await second.fetch(file.root, { providers })
    assert.ok(report.reusedBlocks > 0)
    assert.equal(report.blocks, file.blocks)
  })

  it('writes nothing for a DAG that is whole here', async () => {
    await using peer = await start({ cars: [file.path], offline: true })
    const report = await peer.fetch(file.root)
    assert.deepEqual([report.from, report.shard], ['local', undefined])
    assert.deepEqual([report.blocks, report.bytes], [file.blocks, file.bytes])
  })

  it('comes up when no bootstrap peer answers, and says so in one line', async () => {
    const gone = await start()
    const bootstrap = gone.addresses.map(String)
    await gone.close()
    const said = Promise.withResolvers<string>()
    const log = { ...silentLog, info: (_: object, message: string) => said.resolve(message) }
    await using peer = await start({ bootstrap, log })
    assert.ok(peer.addresses.length > 0)
    assert.match(await said.promise, /^offline: no bootstrap peer answers/)
  })

  it('fails a fetch that nobody can answer and stays as it was', async () => {
    await using peer = await start({ config: { Fetch: { IdleTimeout: '300ms' } } })
    await assert.rejects(peer.fetch(file.root), /provider|nothing came/)
    assert.equal(peer.dagstore.list({}).total, 0)
  })
})

describe('an offline peer', () => {
  it('reads what is here and says what is not', async () => {
    await using peer = await start({ offline: true, cars: [directory.path] })
    assert.deepEqual(peer.addresses, [])
    assert.equal((await bytesOf(peer.cat(`${directory.root}/entry-0.txt`))).length, 16)
    assert.equal((await peer.blockStat(directory.root)).cid, directory.root)
    await assert.rejects(peer.block(file.root), { code: 'BLOCK_MISSING' })
    await assert.rejects(peer.fetch(file.root), { message: /offline/ })
    assert.throws(() => peer.libp2p, { message: /offline/ })
  })

  it('imports in place and leaves the file alone', async () => {
    const path = join(folder.path, 'odd [name] #1%20é.car')
    await copyFile(file.path, path)
    await using peer = await start({ offline: true, cars: [path] })
    const { shards } = peer.dagstore.list({})
    assert.deepEqual(
      shards.map(({ owned, blocks }) => [owned, blocks]),
      [[false, file.blocks]]
    )
    assert.deepEqual(await readFile(path), await readFile(file.path))
  })

  it('copies a CAR into the repo, block by block verified', async () => {
    const repo = join(folder.path, 'copying')
    const peer = await start({ repo, offline: true })
    const report = await peer.importCar(file.path, { copy: true })
    assert.deepEqual([report.owned, report.blocks], [true, file.blocks])
    assert.deepEqual(report.roots.map(String), [file.root.toString()])
    await peer.close()

    await using again = await start({ repo, offline: true })
    assert.equal((await again.fetch(file.root)).from, 'local')
  })

  it('takes nothing of a stream with a wrong block or a torn end', async () => {
    await using peer = await start({ offline: true })
    const bytes = await readFile(file.path)
    const flipped = Buffer.from(bytes)
    flipped[bytes.length - 10]! ^= 1
    await assert.rejects(peer.importStream(one(flipped)), { code: 'BLOCK_MISMATCH' })
    const torn = bytes.subarray(0, bytes.length - 10)
    await assert.rejects(peer.importStream(one(torn)), { code: 'CAR_TRUNCATED' })
    assert.equal(peer.dagstore.list({}).total, 0)
    await assert.rejects(peer.block(file.root), { code: 'BLOCK_MISSING' })
    assert.equal((await peer.importStream(one(bytes))).blocks, file.blocks)
  })

  it('lets go of a shard and keeps the file of its user', async () => {
    await using peer = await start({ offline: true })
    const { key, owned } = await peer.importCar(file.path)
    assert.equal(owned, false)
    await peer.destroyShard(key)
    await assert.rejects(peer.block(file.root), { code: 'BLOCK_MISSING' })
    assert.equal((await stat(file.path)).isFile(), true)
    await assert.rejects(peer.destroyShard(key), { code: 'SHARD_UNKNOWN' })
  })

  it('serves the CARs of a pattern and leaves out a broken one', async () => {
    const cars = join(folder.path, 'some')
    await mkdir(cars)
    await copyFile(file.path, join(cars, 'good.car'))
    await writeFile(join(cars, 'bad.car'), 'no CAR')
    const warnings: string[] = []
    const log = { ...silentLog, warn: (_: object, message: string) => warnings.push(message) }
    await using peer = await start({ offline: true, cars: [join(cars, '*.car')], log })
    assert.equal((await peer.fetch(file.root)).from, 'local')
    assert.equal(warnings.length, 1)
    const nothing = start({ offline: true, cars: [join(cars, '*.none')] })
    await assert.rejects(nothing, { code: 'MOUNT_UNAVAILABLE' })
  })

  it('gives its lock back when it cannot start', async () => {
    const repo = join(folder.path, 'retried')
    await assert.rejects(start({ repo, config: { Nonsense: {} } as object }), {
      code: 'CONFIG_INVALID'
    })
    await using peer = await start({ repo, offline: true })
    assert.equal(dirname(peer.repo.layout.config), repo)
  })
})

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
