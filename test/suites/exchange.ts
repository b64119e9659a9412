/**
 * What every bitswap implementation of Cardock does, against `@helia/bitswap` as it comes and
 * against itself.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Block } from '../../src/block.ts'
import { makeBlock, MapSource } from '../loopback.ts'
import { type CreateExchange, type Peer, peersWith, stopPeers, wanted } from './exchange-peers.ts'
import { startStockPeer, type StockPeer } from './stock-bitswap.ts'

const second = 1_000

export function exchangeSuite(name: string, create: CreateExchange): void {
  const { startPeer, withPair } = peersWith(create)

  describe(name, () => {
    it('fetches blocks of every size from a stock peer', async () => {
      const blocks = [1, 1_023, 1_024, 4_096, 262_144, 1_048_576, 2_097_152, 4_193_648].map(size =>
        makeBlock(size, size)
      )
      const stock = await startStockPeer(blocks)
      const { exchange, libp2p } = await startPeer()
      try {
        await libp2p.dial(stock.libp2p.getMultiaddrs())
        for (const { cid, bytes } of blocks) {
          assert.deepEqual(
            Buffer.from(await wanted(exchange, cid, stock.libp2p)),
            Buffer.from(bytes)
          )
        }
        assert.equal(exchange.stats().dataReceived, sizeOf(blocks))
        assert.equal(exchange.stats().dupBlksReceived, 0)
      } finally {
        await stopPeers({ exchange, libp2p })
        await stock.stop()
      }
    })

    it('serves blocks of every size to a stock peer', async () => {
      const blocks = [1, 1_024, 262_144, 2_097_152, 4_193_648].map(size => makeBlock(size, size))
      const stock = await startStockPeer()
      const { exchange, libp2p } = await startPeer(new MapSource(blocks))
      try {
        await stock.libp2p.dial(libp2p.getMultiaddrs())
        for (const { cid, bytes } of blocks) {
          const got = await stock.want(cid, AbortSignal.timeout(10 * second))
          assert.deepEqual(Buffer.from(got), Buffer.from(bytes))
        }
        assert.equal(exchange.stats().dataSent, sizeOf(blocks))
        assert.equal(exchange.account(stock.libp2p.peerId)?.sentBytes, sizeOf(blocks))
      } finally {
        await stock.stop()
        await stopPeers({ exchange, libp2p })
      }
    })

    it('carries many blocks at once, each of them once', async () => {
      const blocks = Array.from({ length: 600 }, (_, at) => makeBlock(10_000, at))
      await withPair(new MapSource(blocks), async (server, client) => {
        await Promise.all(
          blocks.map(async ({ cid }) => wanted(client.exchange, cid, server.libp2p))
        )
        assert.equal(server.exchange.stats().blocksSent, 600)
        assert.equal(client.exchange.stats().blocksReceived, 600)
        assert.deepEqual(client.exchange.stats().wantlist, [])
      })
    })

    it('gives a want up once every peer that was asked lacks the block', async () => {
      const [held, lacked] = [makeBlock(100, 1), makeBlock(100, 2)]
      const stock = await startStockPeer([held])
      try {
        await withPair(new MapSource([held]), async (server, client) => {
          await client.libp2p.dial(stock.libp2p.getMultiaddrs())
          const from = [server.libp2p.peerId, stock.libp2p.peerId]
          const signal = AbortSignal.timeout(10 * second)
          await assert.rejects(client.exchange.want(lacked.cid, { from, signal }), {
            code: 'BLOCK_MISSING'
          })
          await client.exchange.want(held.cid, { from, signal })
          assert.deepEqual(client.exchange.stats().wantlist, [])
        })
      } finally {
        await stock.stop()
      }
    })

    for (const [hash, code] of Object.entries({
      'sha2-512': 0x13,
      blake3: 0x1e,
      'blake2b-256': 0xb220
    })) {
      it(`checks a block under ${hash}`, async () => {
        const block = makeBlock(5_000, 1, code)
        await withPair(new MapSource([block]), async (server, client) => {
          await wanted(client.exchange, block.cid, server.libp2p)
        })
      })
    }

    it('asks the peers it is given, and no others', async () => {
      const block = makeBlock(5_000, 1)
      const [asked, other] = await Promise.all([
        startPeer(new MapSource([block])),
        startPeer(new MapSource([block]))
      ])
      const client = await startPeer()
      try {
        await client.libp2p.dial(asked.libp2p.getMultiaddrs())
        await client.libp2p.dial(other.libp2p.getMultiaddrs())
        await wanted(client.exchange, block.cid, asked.libp2p)
        const absent = makeBlock(5_000, 2)
        const idle = client.exchange.want(absent.cid, {
          signal: AbortSignal.timeout(300),
          from: [asked.libp2p.peerId]
        })
        await assert.rejects(idle)
        assert.equal(other.exchange.stats().messagesReceived, 0)
      } finally {
        await stopPeers(asked, other, client)
      }
    })

    it('ends a want with the reason of its caller, and keeps it for another one', async () => {
      const source = new MapSource()
      const block = makeBlock(5_000, 1)
      await withPair(source, async (server, client) => {
        const left = new AbortController()
        const from = [server.libp2p.peerId]
        const leaving = client.exchange.want(block.cid, { signal: left.signal, from })
        const staying = wanted(client.exchange, block.cid, server.libp2p)
        const reason = new Error('called off')
        left.abort(reason)
        await assert.rejects(leaving, reason)
        assert.deepEqual(client.exchange.stats().wantlist, [block.cid.toString()])
        source.add(block)
        await server.exchange.notify(block.cid)
        assert.equal((await staying).length, 5_000)
        assert.deepEqual(client.exchange.stats().wantlist, [])
      })
    })

    it('refuses a want whose signal has aborted already', async () => {
      const { exchange, libp2p } = await startPeer()
      try {
        const reason = new Error('called off')
        const signal = AbortSignal.abort(reason)
        await assert.rejects(exchange.want(makeBlock(10, 1).cid, { signal, from: [] }), reason)
        assert.deepEqual(exchange.stats().wantlist, [])
      } finally {
        await stopPeers({ exchange, libp2p })
      }
    })

    it('gets a block again at once, and a block whose want was called off', async () => {
      const block = makeBlock(5_000, 1)
      const source = new MapSource()
      await withPair(source, async (server, client) => {
        const from = [server.libp2p.peerId]
        const off = AbortSignal.timeout(100)
        await assert.rejects(client.exchange.want(block.cid, { signal: off, from }))
        source.add(block)
        for (let time = 0; time < 5; time += 1) {
          await wanted(client.exchange, block.cid, server.libp2p)
        }
      })
    })

    it('sends a peer what it waits for when that comes to be here', async () => {
      const source = new MapSource()
      const block = makeBlock(5_000, 1)
      const server = await startPeer(source)
      const stock = await startStockPeer()
      try {
        await stock.libp2p.dial(server.libp2p.getMultiaddrs())
        const pending = stock.want(block.cid, AbortSignal.timeout(10 * second))
        await untilHeard(server, stock)
        source.add(block)
        await server.exchange.notify(block.cid)
        assert.equal((await pending).length, 5_000)
      } finally {
        await stock.stop()
        await stopPeers(server)
      }
    })

    it('serves the other blocks when one cannot be read or does not fit a message', async () => {
      const [good, bad, large] = [makeBlock(5_000, 1), makeBlock(5_000, 2), makeBlock(4_193_649, 3)]
      const source = new MapSource([good, bad, large])
      const get = source.get.bind(source)
      source.get = async cid => {
        if (cid.equals(bad.cid)) throw new Error('the disk is gone')
        return get(cid)
      }
      await withPair(source, async (server, client) => {
        const from = [server.libp2p.peerId]
        const never = [bad, large].map(async ({ cid }) =>
          client.exchange.want(cid, { signal: AbortSignal.timeout(500), from })
        )
        await wanted(client.exchange, good.cid, server.libp2p)
        const ends = await Promise.allSettled(never)
        assert.deepEqual(new Set(ends.map(({ status }) => status)), new Set(['rejected']))
        await wanted(client.exchange, good.cid, server.libp2p)
      })
    })

    it('ends open wants when it is stopped', async () => {
      const { exchange, libp2p } = await startPeer()
      const signal = AbortSignal.timeout(10 * second)
      const pending = exchange.want(makeBlock(10, 1).cid, { signal, from: [] })
      const ended = assert.rejects(pending, { code: 'CLOSED' })
      await stopPeers({ exchange, libp2p })
      await ended
    })
  })
}

/** Resolves when a message of `client` has reached `server`. */
async function untilHeard(server: Peer, stock: StockPeer): Promise<void> {
  const before = server.exchange.stats().messagesReceived
  while (server.exchange.stats().messagesReceived === before) {
    await stock.want(makeBlock(10, 99).cid, AbortSignal.timeout(50)).catch(() => {})
  }
}

function sizeOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
