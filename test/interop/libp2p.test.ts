/**
 * One test for each trap of libp2p that the code depends on, so that an upgrade shows what it mends
 * and what it breaks. Loopback only.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { mend, receive, send } from '../../src/exchange/stream.ts'
import { makeBlock, nextEvent, startNode, testLimits, withNodes } from '../loopback.ts'
import { Link } from './link.ts'

const protocol = '/cardock-test/1.0.0'
const mebibyte = 1_048_576

describe('libp2p streams', () => {
  it('slows the sender down to the pace of its reader', async () => {
    await withNodes([{}, {}], async (sender, reader) => {
      const incoming = accept(reader)
      const stream = await open(sender, reader)
      const source = receive(await incoming)
      let sent = 0
      const sending = (async () => {
        const chunk = new Uint8Array(mebibyte)
        for (; sent < 64; sent += 1) await send(stream, chunk)
        await stream.close()
      })()
      let read = 0
      let ahead = 0
      for await (const bytes of source) {
        read += bytes.length
        ahead = Math.max(ahead, sent * mebibyte - read)
        await delay(1) // the reader's pace
      }
      await sending
      assert.equal(read, 64 * mebibyte)
      assert.ok(ahead < 32 * mebibyte, `the sender was ${ahead} bytes ahead`)
    })
  })

  it('waits for every drain on a mended stream', async () => {
    await withNodes([{}, {}], async (sender, reader) => {
      const incoming = accept(reader)
      const stream = mend(await open(sender, reader), () => {})
      const reading = count(receive(await incoming))
      assert.equal(await mostBuffered(stream), 0)
      await stream.close()
      assert.equal(await reading, 32 * mebibyte)
    })
  })

  it('buffers without bound where the own onDrain of a stream is trusted: it waits once', async () => {
    const [sender, reader] = await Promise.all([stockNode(), stockNode()])
    try {
      const incoming = accept(reader)
      const stream = await open(sender, reader)
      const reading = count(receive(await incoming))
      assert.ok((await mostBuffered(stream)) > 8 * mebibyte)
      await stream.close()
      assert.equal(await reading, 32 * mebibyte)
    } finally {
      await Promise.all([sender.stop(), reader.stop()])
    }
  })

  it('keeps a stream whose reader pauses for 2 s', async () => {
    await withNodes([{}, {}], async (sender, reader) => {
      const incoming = accept(reader)
      const stream = await open(sender, reader)
      const sent = createHash('sha256')
      const sending = (async () => {
        for (let at = 0; at < 48; at += 1) {
          const { bytes } = makeBlock(mebibyte, at)
          sent.update(bytes)
          await send(stream, bytes)
        }
        await stream.close()
      })()
      const received = createHash('sha256')
      let read = 0
      let paused = false
      for await (const bytes of receive(await incoming)) {
        read += bytes.length
        received.update(bytes)
        if (paused || read < 8 * mebibyte) continue
        paused = true
        await delay(2_000) // what is tested: a reader that is busy for so long
      }
      await sending
      assert.equal(read, 48 * mebibyte)
      assert.equal(received.digest('hex'), sent.digest('hex'))
    })
  })

  it('gives a reader that comes late all that was sent before the stream was closed', async () => {
    await withNodes([{}, {}], async (sender, reader) => {
      const incoming = accept(reader)
      const stream = await open(sender, reader)
      const far = await incoming
      const closed = once(far, 'close')
      await send(stream, new Uint8Array(4 * mebibyte))
      await stream.close()
      await far.close()
      await closed
      assert.equal(await count(receive(far)), 4 * mebibyte)
    })
  })

  it('ends both helpers with an error when the stream is reset', async () => {
    await withNodes([{}, {}], async (sender, reader) => {
      const incoming = accept(reader)
      const stream = await open(sender, reader)
      const far = await incoming
      const sending = (async () => {
        for (;;) await send(stream, new Uint8Array(mebibyte))
      })()
      const reading = (async () => {
        for await (const _ of receive(far)) far.abort(new Error('enough'))
      })()
      await Promise.all([assert.rejects(sending), assert.rejects(reading, /enough/)])
    })
  })

  it('ends a send and a receive with the reason of the caller', async () => {
    await withNodes([{}, {}], async (sender, reader) => {
      const incoming = accept(reader)
      const stream = await open(sender, reader)
      const far = await incoming
      far.pause()
      const left = new AbortController()
      const { signal } = left
      const sending = (async () => {
        for (;;) await send(stream, new Uint8Array(mebibyte), { signal })
      })()
      const reading = receive(stream, { signal }).next()
      const reason = new Error('called off')
      left.abort(reason)
      await Promise.all([assert.rejects(sending, reason), assert.rejects(reading, reason)])
      stream.abort(reason)
    })
  })

  it('carries 8 MiB over a link of 250 kB/s without losing the connection', async () => {
    await withNodes([{}, {}], async (sender, reader) => {
      const link = await Link.to(reader, 250_000)
      try {
        const incoming = accept(reader)
        const connection = await sender.dial(link.address(reader))
        const stream = await connection.newStream(protocol)
        const reading = count(receive(await incoming))
        for (let at = 0; at < 8; at += 1) await send(stream, new Uint8Array(mebibyte))
        await stream.close({ signal: AbortSignal.timeout(60_000) })
        assert.equal(await reading, 8 * mebibyte)
        assert.equal(connection.status, 'open')
      } finally {
        link.close()
      }
    })
  })
})

describe('libp2p connections', () => {
  it('closes one that fell silent, where a pulled cable says nothing', async () => {
    const limits = { ...testLimits, silenceMs: 600 }
    await withNodes([{ limits }, {}], async (near, far) => {
      const link = await Link.to(far)
      try {
        await near.dial(link.address(far))
        const closed = nextEvent<PeerId>(near, 'peer:disconnect')
        link.cut()
        assert.ok((await closed).equals(far.peerId))
      } finally {
        link.close()
      }
    })
  })

  it('keeps a quiet one, whose peer answers pings', async () => {
    const limits = { ...testLimits, silenceMs: 600 }
    await withNodes([{ limits }, {}], async (near, far) => {
      const connection = await near.dial(far.getMultiaddrs())
      await delay(1_000) // what is tested: time in which nothing is said
      assert.equal(connection.status, 'open')
    })
  })

  it('negotiates TLS, which is offered first', async () => {
    await withNodes([{}, {}], async (near, far) => {
      const connection = await near.dial(far.getMultiaddrs())
      assert.equal(connection.encryption, '/tls/1.0.0')
    })
  })

  it('negotiates noise with a peer that has no TLS', async () => {
    const far = await stockNode({ connectionEncrypters: [noise()] })
    try {
      await withNodes([{}], async near => {
        const connection = await near?.dial(far.getMultiaddrs())
        assert.equal(connection?.encryption, '/noise')
      })
    } finally {
      await far.stop()
    }
  })

  it('takes a star of 50 from one address', async () => {
    await withNodes([{}], async hub => {
      assert.ok(hub !== undefined)
      const leaves = await Promise.all(Array.from({ length: 50 }, async () => startNode()))
      try {
        const all = nextEvent(hub, 'peer:connect', () => hub.getPeers().length === 50)
        await Promise.all(leaves.map(async leaf => leaf.dial(hub.getMultiaddrs())))
        await all
      } finally {
        await Promise.all(leaves.map(async leaf => leaf.stop()))
      }
    })
  })

  it('takes 5 a second from one address where that is the limit', async () => {
    const limits = { ...testLimits, inboundConnectionThreshold: 5 }
    await withNodes([{ limits }], async hub => {
      assert.ok(hub !== undefined)
      const leaves = await Promise.all(Array.from({ length: 20 }, async () => startNode()))
      try {
        const dials = await Promise.allSettled(
          leaves.map(async leaf => leaf.dial(hub.getMultiaddrs()))
        )
        assert.ok(dials.some(({ status }) => status === 'rejected'))
      } finally {
        await Promise.all(leaves.map(async leaf => leaf.stop()))
      }
    })
  })

  it('opens more than 64 streams of one protocol when the handler allows it', async () => {
    await withNodes([{}, {}], async (near, far) => {
      const limit = { maxInboundStreams: 1_024, maxOutboundStreams: 1_024 }
      await far.handle(protocol, () => {}, limit)
      await near.handle(protocol, () => {}, limit)
      const connection = await near.dial(far.getMultiaddrs())
      const streams = await Promise.all(
        Array.from({ length: 100 }, async () => connection.newStream(protocol))
      )
      assert.deepEqual(new Set(streams.map(({ status }) => status)), new Set(['open']))
    })
  })

  it('aborts a paused stream under the stock settings: the buffer must be twice the window', async () => {
    const [near, far] = await Promise.all([stockNode(), stockNode()])
    try {
      const incoming = accept(far)
      const stream = await open(near, far)
      const reader = await incoming
      const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>()
      let read = 0
      reader.addEventListener('close', ({ error }) => resolve(error))
      reader.addEventListener('message', ({ data }) => {
        read += data.byteLength
        if (read >= 48 * mebibyte && reader.readStatus === 'readable') reader.pause()
      })
      const sending = (async () => {
        for (let at = 0; at < 96; at += 1) await send(stream, new Uint8Array(mebibyte))
      })()
      sending.catch(() => {}) // it ends with the stream
      assert.equal((await closed)?.name, 'StreamBufferError')
    } finally {
      await Promise.all([near.stop(), far.stop()])
    }
  })
})

/** Sends 32 MiB as a library would that trusts `onDrain()`; the most that waited in memory. */
async function mostBuffered(stream: Stream): Promise<number> {
  let most = 0
  for (let sent = 0; sent < 32; sent += 1) {
    if (!stream.send(new Uint8Array(mebibyte))) await stream.onDrain()
    most = Math.max(most, (stream as Stream & { writeBufferLength: number }).writeBufferLength)
  }
  return most
}

/** libp2p as it comes. */
async function stockNode(options: Libp2pOptions = {}): Promise<Libp2p> {
  return createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    ...options
  })
}

/** The next stream that `node` is sent. */
async function accept(node: Libp2p): Promise<Stream> {
  const { promise, resolve } = Promise.withResolvers<Stream>()
  await node.handle(protocol, stream => resolve(stream))
  return promise
}

async function open(from: Libp2p, to: Libp2p): Promise<Stream> {
  const connection: Connection = await from.dial(to.getMultiaddrs())
  return connection.newStream(protocol)
}

async function count(source: AsyncIterable<Uint8Array>): Promise<number> {
  let total = 0
  for await (const bytes of source) total += bytes.length
  return total
}
