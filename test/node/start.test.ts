/** What it takes to start a peer, and what can be in the way. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { createPeer } from '../../src/node/index.ts'
import { temporaryFolder } from '../cardock.ts'

const root = join(import.meta.dirname, '..', '..')

describe('starting a peer', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>

  before(async () => {
    folder = await temporaryFolder()
  })

  after(() => folder[Symbol.asyncDispose]())

  it('loads the network only for a peer that goes online', async () => {
    for (const offline of [true, false]) {
      const options = { repo: join(folder.path, `load-${offline}`), offline, profile: 'test' }
      const args = ['--eval', loadedBy, JSON.stringify(options)]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
      assert.deepEqual(JSON.parse(stdout), { libp2p: !offline, bitswap: !offline }, stdout)
    }
  })

  it('names the address that another program listens on, and what to do', async () => {
    await using first = await createPeer({ repo: join(folder.path, 'first'), profile: 'test' })
    const taken = first.addresses[0]?.toString().replace(/\/p2p\/.+/, '') ?? ''
    const repo = join(folder.path, 'second')
    const config = { Addresses: { Swarm: [taken, '/ip4/127.0.0.1/tcp/0/ws'] } }
    await assert.rejects(createPeer({ repo, config, profile: 'test' }), {
      code: 'LISTEN_FAILED',
      message: new RegExp(
        `^cannot listen on ${taken} \\(another program listens there\\): .+config set Addresses\\.Swarm`
      )
    })
    await using _again = await createPeer({ repo, profile: 'test' })
  })

  it('says what the system says about an address that is not of this host', async () => {
    const config = { Addresses: { Swarm: ['/ip4/192.0.2.1/tcp/0'] } }
    const starting = createPeer({ repo: join(folder.path, 'far'), config, profile: 'test' })
    await assert.rejects(starting, {
      code: 'LISTEN_FAILED',
      message: /^cannot listen on \/ip4\/192\.0\.2\.1\/tcp\/0 \(.*EADDRNOTAVAIL/
    })
  })

  it('ends with the reason of its caller, and gives the repo back', async () => {
    const repo = join(folder.path, 'aborted')
    const reason = new Error('enough')
    const aborting = new AbortController()
    const starting = createPeer({
      repo,
      profile: 'test',
      offline: true,
      cars: [join(root, 'examples', '*.car')],
      signal: aborting.signal,
      log: { debug: () => aborting.abort(reason), info() {}, warn() {}, error() {} }
    })
    await assert.rejects(starting, error => error === reason)
    await using _again = await createPeer({ repo, profile: 'test', offline: true })
  })
})

/** Starts a peer and prints which parts of the network were loaded for it. */
const loadedBy = `
import { registerHooks } from 'node:module'
const loaded = []
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
const { createPeer } = await import('./src/node/index.ts')
const peer = await createPeer(JSON.parse(process.argv[1]))
await peer.close()
const isLoaded = name => loaded.some(url => url.includes('/node_modules/' + name + '/'))
console.log(JSON.stringify({ libp2p: isLoaded('libp2p'), bitswap: isLoaded('@helia/bitswap') }))
process.exit()
`
