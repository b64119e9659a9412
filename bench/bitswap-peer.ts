/** One side of the bitswap bench, told over IPC what to do. */
import { randomBytes } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { BlockSource } from '../src/block.ts'
import { BlockMissingError } from '../src/errors.ts'
import { createHeliaBitswap, type HeliaBitswap, receive, send } from '../src/exchange/index.ts'
import { digestOf } from '../src/hash.ts'
import { silentLog } from '../src/log.ts'
import { createLibp2pNode } from '../src/node/libp2p.ts'
import { testLimits } from '../test/loopback.ts'

export type Order =
  | { readonly type: 'serve'; readonly blockBytes: number; readonly totalBytes: number }
  | { readonly type: 'raw'; readonly addresses: readonly string[] }
  | {
      readonly type: 'bitswap'
      readonly addresses: readonly string[]
      readonly cids: readonly string[]
    }
  | { readonly type: 'cpu' }

export type Answer =
  | {
      readonly type: 'serving'
      readonly addresses: readonly string[]
      readonly cids: readonly string[]
    }
  | ({ readonly type: 'measured' } & Measured)
  | { readonly type: 'cpu'; readonly seconds: number }

export interface Measured {
  readonly seconds: number
  readonly bytes: number
  /** Of this process. */
  readonly cpuSeconds: number
}

const rawProtocol = '/cardock-bench/raw/1.0.0'
const windowBytes = 4_194_304
const windowWantsMax = 256
const rawChunkBytes = 1_048_576

const blocks = new Map<string, Uint8Array>()

async function answer(order: Order): Promise<Answer> {
  switch (order.type) {
    case 'serve':
      return serve(order)
    case 'raw':
      return fetchRaw(order.addresses)
    case 'bitswap':
      return fetchBlocks(order)
    case 'cpu':
      return { type: 'cpu', seconds: cpuSeconds() }
  }
}

async function serve({
  blockBytes,
  totalBytes
}: Extract<Order, { type: 'serve' }>): Promise<Answer> {
  for (let made = 0; made < totalBytes; made += blockBytes) {
    const bytes = randomBytes(blockBytes)
    const cid = CID.createV1(0x55, createDigest(0x12, digestOf(0x12, bytes, 32)))
    blocks.set(cid.toString(), bytes)
  }
  const { libp2p } = await startPeer()
  await libp2p.handle(rawProtocol, async stream => {
    for (let sent = 0; sent < totalBytes; sent += rawChunkBytes) {
      await send(stream, new Uint8Array(Math.min(rawChunkBytes, totalBytes - sent)))
    }
    await stream.close()
  })
  return {
    type: 'serving',
    addresses: libp2p.getMultiaddrs().map(String),
    cids: [...blocks.keys()]
  }
}

async function fetchRaw(addresses: readonly string[]): Promise<Answer> {
  return withPeer(async ({ libp2p }) => {
    const connection = await libp2p.dial(addresses.map(multiaddr))
    return timed(async () => {
      let bytes = 0
      for await (const chunk of receive(await connection.newStream(rawProtocol)))
        bytes += chunk.length
      return bytes
    })
  })
}

async function fetchBlocks({
  addresses,
  cids
}: Extract<Order, { type: 'bitswap' }>): Promise<Answer> {
  return withPeer(async ({ bitswap, libp2p }) => {
    const { remotePeer } = await libp2p.dial(addresses.map(multiaddr))
    const left = cids.map(text => CID.parse(text))
    const signal = AbortSignal.timeout(600_000)
    return timed(async () => {
      let bytes = 0
      const first = left.pop()
      if (first === undefined) return bytes
      const from = [remotePeer]
      const size = (await bitswap.want(first, { signal, from })).length
      bytes += size
      const wants = Math.max(1, Math.min(windowWantsMax, Math.floor(windowBytes / size)))
      const worker = async (): Promise<void> => {
        for (let cid = left.pop(); cid !== undefined; cid = left.pop()) {
          const block = await bitswap.want(cid, { signal, from })
          bytes += block.length
        }
      }
      await Promise.all(Array.from({ length: wants }, worker))
      return bytes
    })
  })
}

async function timed(work: () => Promise<number>): Promise<Answer> {
  const start = performance.now()
  const cpu = cpuSeconds()
  const bytes = await work()
  const seconds = (performance.now() - start) / 1_000
  return { type: 'measured', seconds, bytes, cpuSeconds: cpuSeconds() - cpu }
}

interface Peer {
  readonly libp2p: Libp2p
  readonly bitswap: HeliaBitswap
}

async function startPeer(): Promise<Peer> {
  const libp2p = await createLibp2pNode({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    routing: 'none',
    limits: testLimits,
    log: silentLog
  })
  const bitswap = createHeliaBitswap({ libp2p, source, log: silentLog })
  await libp2p.start()
  await bitswap.start()
  return { libp2p, bitswap }
}

async function withPeer<T>(body: (peer: Peer) => Promise<T>): Promise<T> {
  const peer = await startPeer()
  try {
    return await body(peer)
  } finally {
    await peer.bitswap.stop()
    await peer.libp2p.stop()
  }
}

const source: BlockSource = {
  async get(cid) {
    const bytes = blocks.get(cid.toString())
    if (bytes === undefined) throw new BlockMissingError(cid)
    return bytes
  },
  has: async cid => blocks.has(cid.toString()),
  size: async cid => (await source.get(cid)).length
}

function cpuSeconds(): number {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

process.on('message', order => {
  answer(order as Order).then(
    reply => process.send?.(reply),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    }
  )
})
