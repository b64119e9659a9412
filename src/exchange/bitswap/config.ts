import { withDefaults } from '../../defaults.ts'

/** Times in milliseconds. */
export interface BitswapConfig {
  /** Streams of one peer open at once, each way. Helia opens one for each message. */
  readonly streamsMax: number
  /** How long a message of at most 4 MiB may take to come in. */
  readonly receiveTimeoutMs: number
  /** How long the answer to one list of wants may take to go out, its wait in the queue included. */
  readonly sendTimeoutMs: number
  /** Messages that go out at once, over all peers. */
  readonly sendConcurrency: number
  /** How long a want waits for others to go out with it. */
  readonly wantDelayMs: number
  /** Wants of one peer that are remembered; more, and those of lowest priority are dropped. */
  readonly peerWantsMax: number
  /** How long it may take to tell a peer of wants before that is tried again. */
  readonly tellTimeoutMs: number
  /** How often a peer is told again of wants whose message to it was lost. */
  readonly retellMs: number
}

const defaults: BitswapConfig = {
  streamsMax: 1_024,
  receiveTimeoutMs: 120_000,
  sendTimeoutMs: 600_000,
  sendConcurrency: 256,
  wantDelayMs: 1,
  peerWantsMax: 1_024,
  tellTimeoutMs: 10_000,
  retellMs: 1_000
}

export function resolveBitswap(options: Partial<BitswapConfig> = {}): BitswapConfig {
  return withDefaults(defaults, options)
}
