import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import {
  RpcClient,
  startRpc,
  versionVerb,
  type Call,
  type RpcServer,
  type Verb
} from '../../src/gateway/index.ts'
import { silentLog } from '../../src/log.ts'
import {
  echoVerb,
  failVerb,
  flood,
  floodVerb,
  missing,
  sizesVerb,
  waitEnds,
  waitVerb
} from './test-verbs.ts'

const token = 'open-sesame'
const uploadBytesMax = 100_000

describe('rpc', () => {
  let server: RpcServer
  let client: RpcClient

  before(async () => {
    server = await start()
    client = new RpcClient(server.address, token)
  })

  after(() => server.close())

  function start(address = '/ip4/127.0.0.1/tcp/0'): Promise<RpcServer> {
    return startRpc({
      verbs: [versionVerb, echoVerb, failVerb, sizesVerb, waitVerb, floodVerb],
      // None of these verbs looks at the peer.
      peer: undefined as never,
      address,
      token,
      log: silentLog,
      onShutdown() {},
      config: { uploadBytesMax, closeTimeoutMs: 50 }
    })
  }

  describe('client', () => {
    it('gives a verb its arguments and its typed options, and yields each value', async () => {
      const options = { times: 2, loud: false, tags: ['a,b', 'ü&=?'] }
      const values = await all(echoVerb, { args: ['one', 'two words'], options })
      assert.deepEqual(values, [
        { args: ['one', 'two words'], options },
        { args: ['one', 'two words'], options }
      ])
    })

    it('leaves options out that are not set', async () => {
      const [value] = await all(echoVerb, { args: ['x'], options: { tags: ['only one'] } })
      assert.deepEqual(value?.options, { tags: ['only one'] })
    })

    it('sends files one after another', async () => {
      const files = filesOf({ 'a "quoted".car': 70_000, empty: 0 })
      assert.deepEqual(await all(sizesVerb, { files }), [
        { name: 'a %22quoted%22.car', bytes: 70_000 },
        { name: 'empty', bytes: 0 }
      ])
    })

    it('passes on a failure of the files that it sends', async () => {
      const reason = new Error('the disk is gone')
      async function* broken(): AsyncGenerator<{
        name: string
        content: AsyncIterable<Uint8Array>
      }> {
        yield { name: 'half', content: half() }
      }
      async function* half(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(1_000)
        throw reason
      }
      await assert.rejects(all(sizesVerb, { files: broken() }), error => error === reason)
    })

    it('throws what a verb throws at once, with its code', async () => {
      await assert.rejects(all(failVerb, {}), {
        code: 'BLOCK_MISSING',
        message: new RegExp(`^block ${missing} is not here`)
      })
    })

    it('throws what a verb throws after its first chunks, with its code', async () => {
      let bytes = 0
      const reading = async (): Promise<void> => {
        const call = { options: { after: 3 }, signal: new AbortController().signal }
        for await (const chunk of client.call(failVerb, call)) bytes += chunk.length
      }
      await assert.rejects(reading, { code: 'BLOCK_MISSING' })
      assert.equal(bytes, 3_000)
    })

    it('ends the verb when its caller leaves', async () => {
      const ended = once(waitEnds, 'end')
      for await (const value of client.call(waitVerb, { signal: new AbortController().signal })) {
        assert.deepEqual(value, { waiting: true })
        break
      }
      await ended
    })

    it("throws the caller's own reason when it aborts, and ends the verb", async () => {
      const ended = once(waitEnds, 'end')
      const controller = new AbortController()
      const reason = new Error('enough')
      const reading = async (): Promise<void> => {
        const values = client.call(waitVerb, { signal: controller.signal })
        for await (const _ of values) controller.abort(reason)
      }
      await assert.rejects(reading, error => error === reason)
      await ended
    })

    it('does not run ahead of its reader', async () => {
      for await (const _ of client.call(floodVerb, { signal: new AbortController().signal })) {
        // Socket buffers on both sides take some MiB: an unbounded server would not stop there.
        await new Promise(resolve => setTimeout(resolve, 200))
        break
      }
      assert.ok(flood.taken < 1_000, `${flood.taken} chunks were taken`)
    })

    it('says that nobody answers', async () => {
      const gone = await start()
      await gone.close()
      const other = new RpcClient(gone.address, token)
      const calling = Array.fromAsync(
        other.call(versionVerb, { signal: AbortSignal.timeout(5_000) })
      )
      await assert.rejects(calling, { code: 'RPC_UNREACHABLE' })
    })

    it('refuses an address that is none', () => {
      assert.throws(() => new RpcClient('/ip4/127.0.0.1/udp/1', token), { code: 'USAGE_INVALID' })
    })
  })

  describe('server', () => {
    const auth = { authorization: `Bearer ${token}` }

    it('listens on loopback only', async () => {
      await assert.rejects(start('/ip4/0.0.0.0/tcp/0'), { code: 'USAGE_INVALID' })
    })

    it('says that its port is taken', async () => {
      await assert.rejects(start(server.address), {
        code: 'LISTEN_FAILED',
        message: /another program listens there.+config set Addresses\.API/
      })
    })

    it('answers in JSON lines', async () => {
      const { response, body } = await post('/cardock/v0/echo?arg=a&times=2', auth)
      assert.equal(response.statusCode, 200)
      assert.equal(response.headers['x-chunked-output'], '1')
      assert.equal(response.headers['content-type'], 'application/json')
      assert.deepEqual(body, '{"args":["a"],"options":{"times":2}}\n'.repeat(2))
    })

    const refused: readonly (Partial<RawCall> & { name: string; status: number })[] = [
      { name: 'GET', method: 'GET', path: '/api/v0/version', status: 405 },
      { name: 'no token', path: '/api/v0/version', headers: {}, status: 401 },
      { name: 'another token', headers: { authorization: 'Bearer open-sesam' }, status: 401 },
      { name: 'a foreign Origin', headers: { ...auth, origin: 'http://example.com' }, status: 403 },
      { name: 'the null Origin', headers: { ...auth, origin: 'null' }, status: 403 },
      {
        name: 'a name that DNS points to loopback',
        headers: { ...auth, host: 'example.com:80', origin: 'http://example.com:80' },
        status: 403
      },
      {
        name: 'a foreign Referer',
        headers: { ...auth, referer: 'http://localhost:1/' },
        status: 403
      },
      { name: 'an unknown verb', path: '/api/v0/nothing', status: 404 },
      { name: 'an unknown option', path: '/cardock/v0/echo?arg=a&lod=true', status: 400 },
      { name: 'an option of another type', path: '/cardock/v0/echo?arg=a&times=x', status: 400 },
      { name: 'a missing argument', path: '/cardock/v0/echo', status: 400 },
      { name: 'too many arguments', path: '/api/v0/version?arg=a', status: 400 },
      { name: 'a timeout that is none', path: '/api/v0/version?timeout=soon', status: 400 },
      { name: 'a body that no verb reads', body: Buffer.alloc(65_537), status: 413 }
    ]
    for (const { name, method = 'POST', path, headers = auth, status, body } of refused) {
      it(`refuses ${name} with ${status} in kubo's shape`, async () => {
        const answer = await send({ method, path: path ?? '/api/v0/version', headers, body })
        assert.equal(answer.response.statusCode, status)
        const { Message, Code, Type } = JSON.parse(answer.body)
        assert.ok(Message.length > 0)
        assert.deepEqual({ Code, Type }, { Code: 1, Type: 'error' })
      })
    }

    it('takes an Origin and a Referer of its own', async () => {
      const origin = `http://127.0.0.1:${portOf(server)}`
      const headers = { ...auth, origin, referer: `${origin}/page` }
      assert.equal((await post('/api/v0/version', headers)).response.statusCode, 200)
    })

    it('says a failure before the first value as 500, with its code', async () => {
      const { response, body } = await post('/cardock/v0/fail', auth)
      assert.equal(response.statusCode, 500)
      const { Message, ...rest } = JSON.parse(body)
      assert.match(Message, /is not here/)
      assert.deepEqual(rest, { Code: 0, Type: 'error', code: 'BLOCK_MISSING' })
    })

    it('says a later failure in trailers to a client that reads them', async () => {
      const { response } = await post('/cardock/v0/fail?after=2', { ...auth, te: 'trailers' })
      assert.equal(response.statusCode, 200)
      assert.match(response.trailers['x-stream-error'] ?? '', /is not here/)
      assert.equal(response.trailers['x-stream-error-code'], 'BLOCK_MISSING')
    })

    it('cuts the connection after a later failure for every other client', async () => {
      await assert.rejects(post('/cardock/v0/fail?after=2', auth), { code: 'ECONNRESET' })
    })

    it('ends a call that is over its timeout', async () => {
      const query = '/cardock/v0/wait?timeout=50ms'
      const { response } = await post(query, { ...auth, te: 'trailers' })
      assert.equal(response.trailers['x-stream-error-code'], 'TIMEOUT')
    })

    for (const { bytes, fits } of [
      { bytes: uploadBytesMax, fits: true },
      { bytes: uploadBytesMax + 1, fits: false }
    ]) {
      it(`${fits ? 'takes' : 'refuses'} an upload of ${bytes} bytes`, async () => {
        const calling = all(sizesVerb, { files: filesOf({ file: bytes }) })
        if (fits) assert.deepEqual(await calling, [{ name: 'file', bytes }])
        else await assert.rejects(calling, { code: 'LIMIT_EXCEEDED' })
      })
    }
  })

  async function all<Options extends object, Value>(
    verb: Verb<Options, Value>,
    call: Partial<Call<Options>>
  ): Promise<Value[]> {
    return Array.fromAsync(client.call(verb, { signal: new AbortController().signal, ...call }))
  }

  function post(path: string, headers: Record<string, string>): Promise<Answer> {
    return send({ method: 'POST', path, headers })
  }

  async function send({ body, ...options }: RawCall): Promise<Answer> {
    const sent = request({ host: '127.0.0.1', port: portOf(server), agent: false, ...options })
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return { response, body: await text(response) }
  }
})

interface Answer {
  readonly response: IncomingMessage
  readonly body: string
}

interface RawCall {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body?: Uint8Array | undefined
}

function portOf({ address }: RpcServer): number {
  return Number(address.split('/')[4])
}

async function* filesOf(
  sizes: Record<string, number>
): AsyncGenerator<{ name: string; content: AsyncIterable<Uint8Array> }> {
  for (const [name, bytes] of Object.entries(sizes)) yield { name, content: chunksOf(bytes) }
}

async function* chunksOf(bytes: number): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= 30_000) yield Buffer.alloc(Math.min(left, 30_000))
}
