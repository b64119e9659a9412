/** What every bitswap implementation of Cardock does when peers come, leave, lack a block or say nothing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Link } from '../interop/link.ts'
import { makeBlock, MapSource, nextEvent } from '../loopback.ts'
import { type CreateExchange, peersWith, stopPeers, wanted } from './exchange-peers.ts'

const second = 1_000

export function companySuite(name: string, create: CreateExchange): void {
  const { startPeer, withPair } = peersWith(create)

  describe(name, () => {
    it('asks a peer that connects while the want is open', async () => {
      const block = makeBlock(5_000, 1)
      const [server, client] = await Promise.all([startPeer(new MapSource([block])), startPeer()])
      try {
        const pending = wanted(client.exchange, block.cid, server.libp2p)
        await client.libp2p.dial(server.libp2p.getMultiaddrs())
        assert.equal((await pending).length, 5_000)
      } finally {
        await stopPeers(server, client)
      }
    })

    it('hears each time that a peer lacks the block, also after it gave the want up', async () => {
      await withPair(new MapSource(), async (server, client) => {
        const { cid } = makeBlock(5_000, 1)
        for (let time = 0; time < 3; time += 1) {
          await assert.rejects(wanted(client.exchange, cid, server.libp2p), {
            code: 'BLOCK_MISSING'
          })
        }
      })
    })

    it('ends a want at once when the last peer that it was asked of leaves', async () => {
      const block = makeBlock(5_000, 1)
      const slow = new MapSource()
      slow.get = async () => new Promise(() => {})
      const [silent, lacking, client] = await Promise.all([
        startPeer(slow),
        startPeer(),
        startPeer()
      ])
      try {
        const peers = [silent.libp2p, lacking.libp2p]
        for (const peer of peers) await client.libp2p.dial(peer.getMultiaddrs())
        const signal = AbortSignal.timeout(10 * second)
        const from = peers.map(({ peerId }) => peerId)
        const ended = assert.rejects(client.exchange.want(block.cid, { signal, from }), {
          code: 'CLOSED'
        })
        await client.libp2p.hangUp(silent.libp2p.peerId)
        await ended
      } finally {
        await stopPeers(silent, lacking, client)
      }
    })

    it('takes 100 streams of one peer at once', async () => {
      const block = makeBlock(5_000, 1)
      await withPair(new MapSource([block]), async (server, client) => {
        const [connection] = client.libp2p.getConnections(server.libp2p.peerId)
        const streams = await Promise.all(
          Array.from({ length: 100 }, async () => connection?.newStream('/ipfs/bitswap/1.2.0'))
        )
        await wanted(client.exchange, block.cid, server.libp2p) // in order behind the others
        assert.deepEqual(new Set(streams.map(stream => stream?.status)), new Set(['open']))
      })
    })

    it('is not held up by a peer that fell silent', async () => {
      const blocks = [makeBlock(5_000, 1), makeBlock(5_000, 2)]
      const [silent, server] = await Promise.all([startPeer(), startPeer(new MapSource(blocks))])
      const client = await startPeer()
      const link = await Link.to(silent.libp2p)
      try {
        await client.libp2p.dial(link.address(silent.libp2p))
        await client.libp2p.dial(server.libp2p.getMultiaddrs())
        link.cut()
        for (const { cid } of blocks) {
          await client.exchange.want(cid, {
            signal: AbortSignal.timeout(5 * second),
            from: [silent.libp2p.peerId, server.libp2p.peerId]
          })
        }
      } finally {
        link.close()
        await stopPeers(silent, server, client)
      }
    })

    it('goes on counting for a peer that comes back', async () => {
      const blocks = [makeBlock(5_000, 1), makeBlock(7_000, 2)] as const
      await withPair(new MapSource(blocks), async (server, client) => {
        await wanted(client.exchange, blocks[0].cid, server.libp2p)
        const gone = nextEvent(server.libp2p, 'peer:disconnect')
        await client.libp2p.hangUp(server.libp2p.peerId)
        await gone
        await client.libp2p.dial(server.libp2p.getMultiaddrs())
        await wanted(client.exchange, blocks[1].cid, server.libp2p)
        assert.equal(server.exchange.account(client.libp2p.peerId)?.sentBytes, 12_000)
        assert.equal(client.exchange.account(server.libp2p.peerId)?.receivedBytes, 12_000)
      })
    })
  })
}
