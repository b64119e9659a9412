/** Real nodes and blocks for tests: 127.0.0.1 only, port 0, a key of their own. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { Block, BlockSource } from '../src/block.ts'
import { BlockMissingError } from '../src/errors.ts'
import { digestOf } from '../src/hash.ts'
import { silentLog } from '../src/log.ts'
import { createLibp2pNode, type Libp2pNodeOptions, type SwarmLimits } from '../src/node/libp2p.ts'

/** Those of profile `test`: many peers on one busy machine, which all come from one address. */
export const testLimits: SwarmLimits = {
  maxConnections: 300,
  inboundConnectionThreshold: Infinity,
  maxIncomingPendingConnections: 1_000,
  dialTimeoutMs: 60_000,
  silenceMs: 60_000,
  streamWindowBytesMax: 8_388_608,
  initialQuerySelfIntervalMs: 50
}

/** A started node of Cardock. Stop it with `stop()`. */
export async function startNode(options: Partial<Libp2pNodeOptions> = {}): Promise<Libp2p> {
  const node = await createLibp2pNode({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    routing: 'none',
    limits: testLimits,
    log: silentLog,
    ...options
  })
  await node.start()
  return node
}

/** Runs `body` with started nodes, one for each of `options`, and stops them whatever happens. */
export async function withNodes(
  options: readonly Partial<Libp2pNodeOptions>[],
  body: (...nodes: Libp2p[]) => Promise<void>
): Promise<void> {
  const nodes = await Promise.all(options.map(startNode))
  try {
    await body(...nodes)
  } finally {
    await Promise.all(nodes.map(async node => node.stop()))
  }
}

/** Resolves with the first event of `type` that `accepts` takes; fails after 20 s. */
export async function nextEvent<T>(
  target: Pick<EventTarget, 'addEventListener' | 'removeEventListener'>,
  type: string,
  accepts: (detail: T) => boolean = () => true
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onEvent = (event: Event): void => {
    const { detail } = event as CustomEvent<T>
    if (accepts(detail)) resolve(detail)
  }
  const late = setTimeout(() => reject(new Error(`no event ${type}`)), 20_000)
  target.addEventListener(type, onEvent)
  try {
    return await promise
  } finally {
    clearTimeout(late)
    target.removeEventListener(type, onEvent)
  }
}

/** A raw block of `size` bytes that differs for each `seed`. */
export function makeBlock(size: number, seed: number, hashCode = 0x12): Block {
  const bytes = new Uint8Array(size)
  let state = (seed + 1) * 2_654_435_761
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  const digest = digestOf(hashCode, bytes, hashCode === 0x13 ? 64 : 32)
  return { cid: CID.createV1(0x55, createDigest(hashCode, digest)), bytes }
}

/** A source over a map; blocks can be added while it is used. */
export class MapSource implements BlockSource {
  readonly #blocks = new Map<string, Uint8Array>()

  constructor(blocks: readonly Block[] = []) {
    for (const block of blocks) this.add(block)
  }

  add({ cid, bytes }: Block): void {
    this.#blocks.set(keyOf(cid), bytes)
  }

  async get(cid: CID): Promise<Uint8Array> {
    const bytes = this.#blocks.get(keyOf(cid))
    if (bytes === undefined) throw new BlockMissingError(cid)
    return bytes
  }

  async has(cid: CID): Promise<boolean> {
    return this.#blocks.has(keyOf(cid))
  }

  async size(cid: CID): Promise<number> {
    return (await this.get(cid)).length
  }
}

function keyOf({ multihash }: CID): string {
  return Buffer.from(multihash.bytes).toString('hex')
}
