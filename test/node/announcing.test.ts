import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createPeer } from '../../src/node/index.ts'
import { temporaryFolder } from '../cardock.ts'

const harbour = join(import.meta.dirname, '..', '..', 'examples', 'harbour.car')

describe('a peer that nobody can dial', () => {
  it('announces nothing, keeps the place of who did, and serves no DHT', async () => {
    await using folder = await temporaryFolder()
    const options = { repo: folder.path, profile: 'test', cars: [harbour] } as const
    const nobody = { Addresses: { Swarm: [] } }
    const place = Buffer.from('{"startedAt":1,"endedAt":2}')
    {
      await using peer = await createPeer({ ...options, config: nobody })
      await peer.dagstore.setNote('announce-sweep', place)
    }
    await using peer = await createPeer({ ...options, config: nobody })
    const { queued, nextReprovideAt, tables } = peer.discovery.status()
    assert.deepEqual({ queued, nextReprovideAt }, { queued: 0, nextReprovideAt: 0 })
    assert.deepEqual(
      tables.map(({ mode }) => mode),
      ['client', 'client']
    )
    assert.deepEqual(Buffer.from(peer.dagstore.note('announce-sweep') ?? []), place)
  })

  it('is one with addresses to announce all the same', async () => {
    await using folder = await temporaryFolder()
    const Addresses = { Swarm: [], AppendAnnounce: ['/ip4/127.0.0.1/tcp/4001'] }
    const options = { repo: folder.path, profile: 'test', cars: [harbour] } as const
    await using peer = await createPeer({ ...options, config: { Addresses } })
    assert.equal(peer.discovery.status().queued, 1)
  })
})
