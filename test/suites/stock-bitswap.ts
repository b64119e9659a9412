import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { type BitswapComponents, createBitswap } from '@helia/bitswap'
import { identify } from '@libp2p/identify'
import { type Libp2p, NotFoundError } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { createLibp2p } from 'libp2p'
import type { CID } from 'multiformats/cid'
import type { Block } from '../../src/block.ts'

export interface StockPeer {
  readonly libp2p: Libp2p
  /** Asks every connected peer. */
  want(cid: CID, signal: AbortSignal): Promise<Uint8Array>
  stop(): Promise<void>
}

/** `@helia/bitswap` and libp2p with the settings that they come with. */
export async function startStockPeer(blocks: readonly Block[] = []): Promise<StockPeer> {
  const libp2p = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [tls(), noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  })
  const held = new Map(blocks.map(({ cid, bytes }) => [keyOf(cid), bytes]))
  const bitswap = createBitswap({
    libp2p,
    logger: libp2p.logger,
    routing: { async *findProviders() {} },
    blockstore: {
      async *get(cid: CID) {
        const bytes = held.get(keyOf(cid))
        if (bytes === undefined) throw new NotFoundError(`no ${cid}`)
        yield bytes
      }
    }
  } as unknown as BitswapComponents)
  await bitswap.start()
  return {
    libp2p,
    want: async (cid, signal) => bitswap.want(cid, { signal }),
    async stop() {
      await bitswap.stop()
      await libp2p.stop()
    }
  }
}

function keyOf({ multihash }: { readonly multihash: { readonly bytes: Uint8Array } }): string {
  return Buffer.from(multihash.bytes).toString('hex')
}
