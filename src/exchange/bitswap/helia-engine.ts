/**
 * `@helia/bitswap` 3.2.3 as an engine: the parts that it asks for, made of ours, and the few of its
 * public fields that its interface leaves out. What it would do by itself and must not (broadcast
 * every want to every peer, wait for a drain only once, count what it failed to send) is kept from
 * it here. The version is pinned: look here again before it is changed.
 */
import {
  type Bitswap,
  type BitswapComponents,
  type BitswapOptions,
  createBitswap
} from '@helia/bitswap'
import { type Libp2p, NotFoundError, type PeerId, type Topology } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { AbortOptions } from '../../abort.ts'
import type { BlockSource } from '../../block.ts'
import { CardockError } from '../../errors.ts'
import { digestOf } from '../../hash.ts'
import type { Log } from '../../log.ts'
import { mend, type StreamBytes } from '../stream.ts'
import type { BitswapConfig } from './config.ts'

export interface EngineParts {
  readonly libp2p: Libp2p
  readonly source: BlockSource
  readonly log: Log
  readonly config: BitswapConfig
  /** A framed message was handed to the wire. */
  readonly onSent: (peer: PeerId, frame: StreamBytes) => void
  readonly onConnect: (peer: PeerId) => void
  readonly onDisconnect: (peer: PeerId) => void
}

/** A message in Helia's queue. */
interface QueuedMessage {
  /** By the multihash in base64, with its multibase prefix. */
  readonly wantlist: ReadonlyMap<string, unknown>
}

interface ReceivedMessage {
  readonly wantlist?: { readonly entries: readonly { readonly cid: Uint8Array }[] }
}

interface Network extends EventTarget {
  sendMessage(peer: PeerId, message: QueuedMessage, options?: AbortOptions): Promise<void>
}

export interface Engine extends Bitswap {
  readonly network: Network
  readonly wantList: EventTarget & {
    /** By the multihash in base64. An entry marked for cancelling goes at the next round. */
    readonly wants: ReadonlyMap<string, { readonly cancel: boolean }>
    /** The peers that are told of wants, and the keys that each was told of. */
    readonly peers: {
      get(peer: PeerId): Set<string> | undefined
      set(peer: PeerId, told: Set<string>): void
      entries(): IterableIterator<[PeerId, Set<string>]>
    }
    /** Tells every peer, soon, of the wants that it was not told of. */
    sendMessagesDebounced(): Promise<void>
  }
  readonly peerWantLists: {
    receiveMessage(peer: PeerId, message: ReceivedMessage): Promise<void>
    /** What the peer waits for: the entries themselves. */
    wantListForPeer(peer: PeerId): { readonly cid: CID; sentDoNotHave?: boolean }[] | undefined
  }
}

/** Bounds of the protocol: larger blocks make Helia throw away the message that they are in. */
const messageBytesMax = 4_194_304
const blockBytesMax = 4_193_648

const identityHash = 0

/** A peer that says more would have us make as much: blake3 digests are as long as one likes. */
const digestBytesMax = 128

export function createEngine(parts: EngineParts): Engine {
  const { config, libp2p } = parts
  // Some names differ from those in the documentation: these are the ones that its code reads.
  const options: BitswapOptions & { maxWantListSize: number } = {
    maxInboundStreams: config.streamsMax,
    maxOutboundStreams: config.streamsMax,
    messageReceiveTimeout: config.receiveTimeoutMs,
    messageSendTimeout: config.sendTimeoutMs,
    messageSendConcurrency: config.sendConcurrency,
    sendWantlistDebounce: config.wantDelayMs,
    maxWantListSize: config.peerWantsMax,
    // The default leaves a want unanswered that is repeated within 5 s of its block, also when the
    // block was lost on its way.
    doNotResendBlockWindow: 0,
    // Each is the other's default, so both are set.
    maxIncomingMessageSize: messageBytesMax,
    maxOutgoingMessageSize: messageBytesMax
  }
  const components = {
    libp2p: guarded(parts),
    logger: libp2p.logger,
    blockstore: blockstoreOver(parts),
    routing: { findProviders: nobody },
    getHasher
  }
  const engine = createBitswap(components as unknown as BitswapComponents, options) as Engine
  keepWantsFlowing(engine, config)
  answerAgain(engine)
  return engine
}

/**
 * Helia makes every want to every peer wait until the last list of wants has gone out to all of
 * them: one peer that does not answer would stop the rest. So it is told at once that a list is out,
 * and when that proves wrong the peer counts as not told.
 */
function keepWantsFlowing({ network, wantList }: Engine, { tellTimeoutMs }: BitswapConfig): void {
  const sendMessage = network.sendMessage.bind(network)
  network.sendMessage = async (peer, message, options) => {
    if (message.wantlist.size === 0) return sendMessage(peer, message, options)
    const keys = Array.from(message.wantlist.keys(), key => key.slice(1))
    sendMessage(peer, message, { signal: AbortSignal.timeout(tellTimeoutMs) }).catch(() => {
      for (const key of keys) wantList.peers.get(peer)?.delete(key)
    })
  }
}

/**
 * Helia says once that it lacks a block, as long as the connection lasts. Who asks anew, in another
 * fetch, would wait in vain: nobody tells Helia that the first want was given up.
 */
function answerAgain({ peerWantLists }: Engine): void {
  const receiveMessage = peerWantLists.receiveMessage.bind(peerWantLists)
  peerWantLists.receiveMessage = async (peer, message) => {
    const told = peerWantLists.wantListForPeer(peer)?.filter(want => want.sentDoNotHave === true)
    if (told !== undefined && told.length > 0) {
      const asked = new Set(message.wantlist?.entries.map(({ cid }) => keyOf(CID.decode(cid))))
      for (const want of told) if (asked.has(keyOf(want.cid))) want.sentDoNotHave = false
    }
    return receiveMessage(peer, message)
  }
}

/** As Helia's want lists have it: base64 of the multihash, without padding. */
export function keyOf({ multihash }: Pick<CID, 'multihash'>): string {
  return Buffer.from(multihash.bytes).toString('base64').replace(/=+$/, '')
}

/** The node as Helia may see it: streams that drain, and no peers but those we name ourselves. */
function guarded({ libp2p, onSent, onConnect, onDisconnect }: EngineParts): Libp2p {
  const changed: Partial<Libp2p> = {
    dialProtocol: async (peer, protocols, options) => {
      const stream = await libp2p.dialProtocol(peer, protocols, options)
      return mend(stream, frame => onSent(peer as PeerId, frame))
    },
    register: async (protocol, topology: Topology, options) => {
      const onLeave = async (peer: PeerId): Promise<void> => {
        onDisconnect(peer)
        await topology.onDisconnect?.(peer)
      }
      return libp2p.register(protocol, { onConnect, onDisconnect: onLeave }, options)
    },
    getConnections: () => []
  }
  return new Proxy(libp2p, {
    get(target, key): unknown {
      const value: unknown = Reflect.get(key in changed ? changed : target, key)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

/**
 * The ledger of a peer only reads, and knows one error: any other name would leave its wants stuck.
 * It has multiformats 13: its CIDs come over by their bytes. Of ours it reads what both have.
 */
function blockstoreOver({ source, log }: EngineParts): object {
  return {
    async *get(foreign: { bytes: Uint8Array }): AsyncGenerator<Uint8Array> {
      const cid = CID.decode(foreign.bytes)
      let bytes: Uint8Array
      try {
        bytes = await source.get(cid)
      } catch (cause) {
        const missing = cause instanceof CardockError && cause.code === 'BLOCK_MISSING'
        if (!missing) log.warn({ cid: cid.toString(), err: cause }, 'a wanted block was not read')
        throw new NotFoundError(`no block ${cid}`)
      }
      if (bytes.length > blockBytesMax) {
        log.warn({ cid: cid.toString(), size: bytes.length }, 'a wanted block is too large to send')
        throw new NotFoundError(`no block ${cid} that fits a message`)
      }
      yield bytes
    }
  }
}

/** Providers are found and dialled before a want is made. */
async function* nobody(): AsyncGenerator<never> {}

/**
 * Names a block that came in, from what its sender says of it; `verify` holds it against the want.
 * Identity is refused: such a block is what its sender says, whatever was asked for.
 */
function getHasher(code: number): object {
  if (code === identityHash) throw new NotFoundError('a block is never sent under an identity hash')
  return {
    code,
    digest(bytes: Uint8Array, { truncate }: { truncate: number }): object {
      if (truncate > digestBytesMax) throw new NotFoundError(`no digest has ${truncate} bytes`)
      return createDigest(code, digestOf(code, bytes, truncate))
    }
  }
}
