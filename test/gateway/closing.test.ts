/** How a server and a client part. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { RpcClient, startRpc, type InputFile, type RpcServer } from '../../src/gateway/index.ts'
import { silentLog } from '../../src/log.ts'
import { floodVerb, sizesVerb, waitVerb } from './test-verbs.ts'

const token = 'open-sesame'
const { signal } = new AbortController()

function start(): Promise<RpcServer> {
  return startRpc({
    verbs: [floodVerb, sizesVerb, waitVerb],
    // None of these verbs looks at the peer.
    peer: undefined as never,
    address: '/ip4/127.0.0.1/tcp/0',
    token,
    log: silentLog,
    onShutdown() {},
    config: { closeTimeoutMs: 50 }
  })
}

describe('closing the rpc', () => {
  it('says to a call under way that the daemon is closed', async () => {
    const server = await start()
    const calling = new RpcClient(server.address, token).call(waitVerb, { signal })
    await calling.next()
    const rejected = assert.rejects(calling.next(), {
      code: 'CLOSED',
      message: 'the daemon is closed'
    })
    await Promise.all([server.close(), rejected])
  })

  it('does not wait for a client that reads nothing', async () => {
    const server = await start()
    const socket = connect(Number(server.address.split('/')[4]), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(
      `POST /cardock/v0/flood HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nTE: trailers\r\n\r\n`
    )
    await once(socket, 'readable')
    const cut = once(socket, 'close')
    await server.close()
    socket.resume()
    await cut
  })
})

describe('a daemon that dies while it is sent files and answers already', () => {
  it('fails the call, and nothing else', async () => {
    await using daemon = createServer(socket => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n')
      })
      socket.on('error', () => undefined)
      void dying.promise.then(() => socket.resetAndDestroy())
    })
    const dying = Promise.withResolvers<void>()
    await once(daemon.listen(0, '127.0.0.1'), 'listening')
    const { port } = daemon.address() as AddressInfo
    const client = new RpcClient(`/ip4/127.0.0.1/tcp/${port}`, token)
    const values = client.call(sizesVerb, { files: endlessFile(), signal })
    assert.deepEqual((await values.next()).value, {})
    dying.resolve()
    await assert.rejects(values.next(), { code: 'RPC_FAILED', message: /broke off/ })
  })
})

async function* endlessFile(): AsyncGenerator<InputFile> {
  yield { name: 'endless', content: zeros() }
}

async function* zeros(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(1 << 20)
}
