/** The verbs on a real peer: in this process and over HTTP a caller sees the same. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  blockGetVerb,
  blockStatVerb,
  bootstrapListVerb,
  catVerb,
  dagExportVerb,
  fetchVerb,
  getVerb,
  idVerb,
  importVerb,
  listShardsVerb,
  LocalCaller,
  lsVerb,
  registerShardVerb,
  RpcClient,
  startRpc,
  verbs,
  versionVerb,
  type Caller,
  type RpcServer
} from '../../src/gateway/index.ts'
import { silentLog } from '../../src/log.ts'
import { createPeer, type Peer } from '../../src/node/index.ts'
import { temporaryFolder } from '../cardock.ts'

const harbourCar = join(import.meta.dirname, '..', '..', 'examples', 'harbour.car')
const root = 'bafybeihsjrnp4r2zzjwffsdi7nu3dka4xkfsjdwdr57wduuyulswrtsloa'

describe('verbs', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let peer: Peer
  let server: RpcServer
  let remote: RpcClient
  let local: LocalCaller
  let shutdowns = 0
  const { signal } = new AbortController()

  before(async () => {
    folder = await temporaryFolder()
    const repo = join(folder.path, 'repo')
    peer = await createPeer({ repo, cars: [harbourCar], offline: true, profile: 'test' })
    const { token } = peer.repo
    const address = '/ip4/127.0.0.1/tcp/0'
    const onShutdown = (): void => void shutdowns++
    server = await startRpc({ verbs, peer, address, token, log: silentLog, onShutdown })
    remote = new RpcClient(server.address, token)
    local = new LocalCaller(peer)
  })

  after(async () => {
    await server.close()
    await peer.close()
    await folder[Symbol.asyncDispose]()
  })

  const calls: readonly { name: string; run: (caller: Caller) => AsyncIterable<unknown> }[] = [
    { name: 'version', run: caller => caller.call(versionVerb, { signal }) },
    { name: 'id', run: caller => caller.call(idVerb, { signal }) },
    { name: 'bootstrap/list', run: caller => caller.call(bootstrapListVerb, { signal }) },
    { name: 'dagstore/list-shards', run: caller => caller.call(listShardsVerb, { signal }) },
    { name: 'ls', run: caller => caller.call(lsVerb, { args: [root], signal }) },
    {
      name: 'ls, streamed',
      run: caller => caller.call(lsVerb, { args: [root], options: { stream: true }, signal })
    },
    { name: 'block/stat', run: caller => caller.call(blockStatVerb, { args: [root], signal }) },
    { name: 'dag/import', run: caller => caller.call(importVerb, { args: [harbourCar], signal }) }
  ]
  for (const { name, run } of calls) {
    it(`${name}: yields the same values in this process and over HTTP`, async () => {
      const [here, there] = [await Array.fromAsync(run(local)), await Array.fromAsync(run(remote))]
      assert.ok(here.length > 0)
      assert.deepEqual(there, JSON.parse(JSON.stringify(here)))
    })
  }

  const bytes: readonly { name: string; run: (caller: Caller) => AsyncIterable<Uint8Array> }[] = [
    {
      name: 'cat',
      run: caller => caller.call(catVerb, { args: [`${root}/welcome.txt`], signal })
    },
    { name: 'block/get', run: caller => caller.call(blockGetVerb, { args: [root], signal }) },
    { name: 'dag/export', run: caller => caller.call(dagExportVerb, { args: [root], signal }) }
  ]
  for (const { name, run } of bytes) {
    it(`${name}: yields the same bytes in this process and over HTTP`, async () => {
      const [here, there] = [await joined(run(local)), await joined(run(remote))]
      assert.ok(here.length > 0)
      assert.deepEqual(there, here)
    })
  }

  it('get: yields as large a tar in this process and over HTTP', async () => {
    const run = (caller: Caller): Promise<Buffer> =>
      joined(caller.call(getVerb, { args: [root], signal }))
    // Not the same bytes: a tar has the time in it.
    assert.equal((await run(remote)).length, (await run(local)).length)
  })

  const failures = [
    { name: 'a text that is no CID', verb: catVerb, args: ['nonsense'], code: 'CID_INVALID' },
    {
      name: 'a name that is not there',
      verb: catVerb,
      args: [`${root}/x`],
      code: 'PATH_NOT_FOUND'
    },
    { name: 'a folder read as a file', verb: catVerb, args: [root], code: 'NOT_A_FILE' },
    {
      name: 'a path through a file',
      verb: blockGetVerb,
      args: [`${root}/welcome.txt/x`],
      code: 'NOT_A_DIRECTORY'
    },
    {
      name: 'a folder without such an entry',
      verb: dagExportVerb,
      args: [`${root}/pictures/x`],
      code: 'PATH_NOT_FOUND'
    }
  ]
  for (const { name, verb, args, code } of failures) {
    it(`throws the same code for ${name} in this process and over HTTP`, async () => {
      for (const caller of [local, remote]) {
        await assert.rejects(joined(caller.call(verb, { args, signal })), { code })
      }
    })
  }

  it('refuses a path that is not absolute: a daemon has a folder of its own', async () => {
    for (const verb of [importVerb, registerShardVerb]) {
      const call = remote.call<object, unknown>(verb, { args: ['a.car'], signal })
      await assert.rejects(Array.fromAsync(call), { code: 'USAGE_INVALID' })
    }
  })

  it('says that a fetch needs the network', async () => {
    const call = { args: ['bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'], signal }
    await assert.rejects(Array.fromAsync(remote.call(fetchVerb, call)), {
      code: 'OFFLINE'
    })
  })

  describe('as a client of kubo calls them', () => {
    it('dag/import: takes files in the body, owns their bytes, and names their roots', async () => {
      const form = new FormData()
      form.append('file', new Blob([await readFile(harbourCar)]), 'harbour.car')
      const [first, second] = await post('/api/v0/dag/import?stats=true', form)
      assert.deepEqual(first, { Root: { Cid: { '/': root }, PinErrorMsg: '' } })
      assert.equal(second?.Stats?.BlockCount, 8)
    })

    it('dag/import: refuses a body that is no CAR', async () => {
      const form = new FormData()
      form.append('file', new Blob(['no CAR at all']), 'x.car')
      const [answer] = await post('/api/v0/dag/import', form)
      assert.deepEqual({ Code: answer?.Code, Type: answer?.Type }, { Code: 0, Type: 'error' })
    })

    it('refuses files where no verb reads them', async () => {
      const form = new FormData()
      form.append('file', new Blob(['x']), 'x')
      const [answer] = await post('/api/v0/version', form)
      assert.equal(answer?.Code, 1)
    })

    it('ls: gives all entries of a folder in one value', async () => {
      const [value, ...more] = await post(`/api/v0/ls?arg=${root}`)
      assert.deepEqual(more, [])
      const types = Object.fromEntries(
        value?.Objects?.[0]?.Links.map(({ Name, Type }) => [Name, Type]) ?? []
      )
      assert.deepEqual(types, {
        'logbook.txt': 2,
        pictures: 1,
        'tides.csv': 2,
        'welcome.txt': 2
      })
    })

    it('shutdown: answers, and tells the daemon', async () => {
      assert.deepEqual(await post('/api/v0/shutdown'), [])
      assert.equal(shutdowns, 1)
    })
  })

  async function post(path: string, body?: FormData): Promise<Answer[]> {
    const url = `http://127.0.0.1:${server.address.split('/')[4]}${path}`
    const headers = { authorization: `Bearer ${peer.repo.token}` }
    const response = await fetch(url, { method: 'POST', headers, ...(body && { body }) })
    const lines = (await response.text()).split('\n').filter(line => line !== '')
    return lines.map(line => JSON.parse(line))
  }
})

/** What the answers of these tests have in them. */
interface Answer {
  readonly Code?: number
  readonly Type?: string
  readonly Stats?: { readonly BlockCount: number }
  readonly Objects?: readonly { readonly Links: readonly { Name: string; Type: number }[] }[]
}

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks))
}
