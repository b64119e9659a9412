import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Libp2p } from '@libp2p/interface'
import { nextEvent, withNodes } from '../loopback.ts'

const protocol = '/cardock-test/1.0.0'

describe('known protocols of a peer', () => {
  it('are written down once for many streams, and again when there is a new one', async () => {
    await withNodes([{}, {}], async (near, far) => {
      const limit = { maxInboundStreams: 100, maxOutboundStreams: 100 }
      for (const node of [near, far]) await node.handle(protocol, () => {}, limit)
      const identified = nextEvent(near, 'peer:identify')
      const connection = await near.dial(far.getMultiaddrs())
      await identified
      await connection.newStream(protocol)
      assert.ok((await protocolsOf(far, near)).includes(protocol))

      await near.peerStore.patch(far.peerId, { protocols: ['/other/1.0.0'] })
      for (let at = 0; at < 20; at += 1) await connection.newStream(protocol)
      assert.deepEqual(await protocolsOf(far, near), ['/other/1.0.0'])

      await near.peerStore.merge(far.peerId, { protocols: ['/new/1.0.0'] })
      assert.deepEqual(await protocolsOf(far, near), ['/new/1.0.0', '/other/1.0.0'])
    })
  })

  it('do not stand in the way of what else is written down with them', async () => {
    await withNodes([{}, {}], async (near, far) => {
      for (const value of [1, 2]) {
        await near.peerStore.merge(far.peerId, { protocols: [protocol], tags: { kept: { value } } })
      }
      const { tags } = await near.peerStore.get(far.peerId)
      assert.equal(tags.get('kept')?.value, 2)
    })
  })
})

/** What `node` has written down of `peer`. */
async function protocolsOf(peer: Libp2p, node: Libp2p): Promise<string[]> {
  return (await node.peerStore.get(peer.peerId)).protocols.toSorted()
}
