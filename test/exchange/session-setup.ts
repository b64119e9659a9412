import assert from 'node:assert/strict'
import type { CID } from 'multiformats/cid'
import type { Block } from '../../src/block.ts'
import {
  type FetchOptions,
  FetchSession,
  type FetchSessionParts
} from '../../src/exchange/index.ts'
import { silentLog } from '../../src/log.ts'
import {
  MemoryNetwork,
  type MemoryPeer,
  MemoryStore,
  type NetworkOptions
} from './memory-network.ts'

interface Setup extends NetworkOptions {
  /** What each peer has that a search finds. */
  readonly peers?: readonly (readonly Block[])[]
  /** What the peer has that the user names. */
  readonly named?: readonly Block[]
  readonly local?: readonly Block[]
  readonly sunk?: readonly Block[]
  readonly config?: FetchOptions
  readonly parts?: Partial<FetchSessionParts>
}

/** A session whose peers, sink and finder the test can look at. */
interface SetUp {
  readonly network: MemoryNetwork
  /** The named one first. */
  readonly peers: readonly MemoryPeer[]
  readonly sink: MemoryStore
  readonly session: FetchSession
}

export async function setup(
  root: CID,
  { peers = [], named, local = [], sunk = [], ...rest }: Setup
): Promise<SetUp> {
  const network = new MemoryNetwork(rest)
  const found = await Promise.all(peers.map(async blocks => network.addPeer(blocks)))
  network.found.push(...found)
  const providers = named === undefined ? [] : [await network.addPeer(named)]
  const sink = await MemoryStore.of(sunk)
  const session = new FetchSession({
    root,
    exchange: network,
    finder: network,
    dialer: network,
    local: await MemoryStore.of(local),
    sink,
    providers,
    config: rest.config ?? {},
    log: silentLog,
    ...rest.parts
  })
  return { network, peers: [...providers, ...found], sink, session }
}

/** What the errors of a session have, whichever one it is. */
export interface Failure {
  readonly code?: string
  readonly message: string
  readonly missing?: readonly CID[]
  readonly count?: number
  readonly asked?: readonly string[]
  readonly waitingFor?: readonly CID[]
  readonly undialable?: unknown
}

export function failureOf(error: unknown): Failure {
  assert.ok(error instanceof Error)
  return error
}

export function names(blocks: readonly Block[]): string[] {
  return blocks.map(({ cid }) => cid.toString())
}

export function bytesOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
