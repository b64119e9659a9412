/** The session over real nodes and real bitswap: what the other session tests do in memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Libp2p } from '@libp2p/interface'
import { createHeliaBitswap, type Exchange, FetchSession } from '../../src/exchange/index.ts'
import { silentLog } from '../../src/log.ts'
import { MapSource, startNode } from '../loopback.ts'
import { type Dag, leaf, node, codes, reach } from './dag.ts'
import { MemoryStore } from './memory-network.ts'

describe('FetchSession over bitswap', () => {
  it('brings a DAG from a peer, each block sent once', async () => {
    await using server = await Side.start(dag)
    await using client = await Side.start()
    const { session, sink } = client.session([server])
    await using _ = session
    const report = await session.walk(dag.root)
    const { present } = reach(dag.root, dag.blocks)
    assert.equal(report.blocks, present.length)
    assert.deepEqual(
      sink.blocks.map(({ cid }) => cid.toString()).sort(),
      present.map(({ cid }) => cid.toString()).sort()
    )
    assert.equal(server.exchange.stats().blocksSent, present.length)
    assert.equal(client.exchange.stats().dupBlksReceived, 0)
    assert.deepEqual(session.progress.peers, [server.libp2p.peerId.toString()])
  })

  it('goes on with another peer when the first is stopped in the middle', async () => {
    await using first = await Side.start(dag)
    await using second = await Side.start(dag)
    await using client = await Side.start()
    let stopping: Promise<void> | undefined
    const { session, sink } = client.session([first], {
      finds: [second],
      onBlocks: blocks => {
        if (blocks > 20) stopping ??= first.stop()
      }
    })
    await using _ = session
    await session.walk(dag.root)
    await stopping
    assert.equal(sink.blocks.length, reach(dag.root, dag.blocks).present.length)
    assert.ok(second.exchange.stats().blocksSent > 0)
  })

  it('takes up the rest where an aborted walk left off', async () => {
    await using server = await Side.start(dag)
    await using client = await Side.start()
    const stop = new AbortController()
    const { session, sink } = client.session([server], {
      onBlocks: blocks => blocks > 20 && stop.abort(new Error('killed'))
    })
    await using _ = session
    await assert.rejects(session.walk(dag.root, { signal: stop.signal }), /killed/)
    const kept = sink.blocks.length
    assert.ok(kept > 0 && kept < dag.blocks.length)
    await session.walk(dag.root)
    assert.equal(sink.appends, dag.blocks.length)
  })
})

/** 120 leaves of 64 KiB under three levels of nodes. */
const dag: Dag = makeDag()

function makeDag(): Dag {
  const leaves = Array.from({ length: 120 }, (_, salt) => leaf(salt, 65_536))
  const parents = Array.from({ length: 12 }, (_, index) => {
    const below = leaves.slice(index * 10, index * 10 + 10)
    return node(
      codes.dagPb,
      below.map(({ cid }) => cid),
      index
    )
  })
  const root = node(
    codes.dagCbor,
    parents.map(({ cid }) => cid)
  )
  return { root: root.cid, blocks: [...leaves, ...parents, root] }
}

interface SessionOptions {
  /** Found by a search. */
  readonly finds?: readonly Side[]
  readonly onBlocks?: (blocks: number) => void
}

/** A node and its exchange. */
class Side {
  readonly libp2p: Libp2p
  readonly exchange: Exchange
  #stopped: Promise<void> | undefined

  constructor(libp2p: Libp2p, exchange: Exchange) {
    this.libp2p = libp2p
    this.exchange = exchange
  }

  static async start(held?: Dag): Promise<Side> {
    const libp2p = await startNode()
    const source = new MapSource(held?.blocks)
    const exchange = createHeliaBitswap({ libp2p, source, log: silentLog })
    await exchange.start()
    return new Side(libp2p, exchange)
  }

  session(
    named: readonly Side[],
    { finds = [], onBlocks = () => {} }: SessionOptions = {}
  ): { session: FetchSession; sink: MemoryStore } {
    const sink = new MemoryStore()
    const providers = named.map(({ libp2p }) => providerOf(libp2p))
    const session = new FetchSession({
      root: dag.root,
      exchange: this.exchange,
      finder: {
        async *findProviders() {
          yield* finds.map(({ libp2p }) => providerOf(libp2p))
        }
      },
      dialer: {
        dial: async ({ addresses }, options) => {
          const connection = await this.libp2p.dial([...addresses], options)
          return connection.remotePeer
        }
      },
      local: new MapSource(),
      sink,
      providers,
      config: { wantTimeoutMs: 500, searchPauseMs: 50, progressIntervalMs: 0 },
      log: silentLog,
      onProgress: ({ blocks }) => onBlocks(blocks)
    })
    return { session, sink }
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<void> {
    await this.exchange.stop()
    await this.libp2p.stop()
  }
}

function providerOf(libp2p: Libp2p) {
  return { id: libp2p.peerId, addresses: libp2p.getMultiaddrs() }
}
