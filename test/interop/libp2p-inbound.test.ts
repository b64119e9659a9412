/** What a node must take from others at once, as `libp2p.test.ts` has what it does with them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { Libp2p } from '@libp2p/interface'
import { testLimits, withNodes } from '../loopback.ts'

describe('libp2p handshakes', () => {
  it('are not held up by 20 others that do not end', async () => {
    await withNodes([{}, {}], async (hub, leaf) => {
      await using _silent = await beginHandshakes(hub, 20)
      const connection = await leaf.dial(hub.getMultiaddrs())
      assert.equal(connection.status, 'open')
    })
  })

  it('are refused when as many as the limit are under way', async () => {
    const limits = { ...testLimits, maxIncomingPendingConnections: 20 }
    await withNodes([{ limits }, {}], async (hub, leaf) => {
      await using _silent = await beginHandshakes(hub, 20)
      await assert.rejects(leaf.dial(hub.getMultiaddrs()))
    })
  })
})

/** Sockets that begin a handshake and go no further. */
async function beginHandshakes(node: Libp2p, count: number): Promise<AsyncDisposable> {
  const [host, port] = node.getMultiaddrs()[0]?.getComponents() ?? []
  const sockets: Socket[] = []
  for (let at = 0; at < count; at += 1) {
    const socket = connect(Number(port?.value), host?.value)
    sockets.push(socket)
    socket.write('\x13/multistream/1.0.0\n')
    await once(socket, 'data')
  }
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
    }
  }
}
