import { withDefaults } from '../../defaults.ts'

/** Sizes in bytes, times in milliseconds; every maximum is inclusive. */
export interface FetchConfig {
  /** Bytes of blocks asked for and not yet written. A block that has not come counts as the mean. */
  readonly wantBytesMax: number
  /** Blocks asked for and not yet written. */
  readonly wantsMax: number
  /** A peer that owes blocks and sends nothing for so long: the others are asked too. */
  readonly wantTimeoutMs: number
  /** No block and no new peer for so long: what is waited for fails. */
  readonly idleTimeoutMs: number
  /** Largest block taken from a peer. */
  readonly blockBytesMax: number
  /** Longest CID followed. It bounds identity CIDs, which are blocks themselves. */
  readonly cidBytesMax: number
  /** CID bytes of links seen and not yet followed, for each walk. */
  readonly frontierBytesMax: number
  /** Missing blocks at which a walk ends, for there is little hope for the rest. */
  readonly missingMax: number
  /** Peers asked for blocks at once. */
  readonly peersMax: number
  /** Providers remembered, those that cannot be dialled included. */
  readonly providersMax: number
  /** Providers dialled at once. */
  readonly dialsMax: number
  /** Wait before nobody's answer leads to another search; doubles with each search. */
  readonly searchPauseMs: number
  /** Searches for single blocks, in a row, that may find nobody new; then no more are made. */
  readonly searchesMax: number
  /** Least time between two reports of progress. */
  readonly progressIntervalMs: number
}

export type FetchOptions = Partial<FetchConfig>

const defaults: FetchConfig = {
  wantBytesMax: 4_194_304,
  wantsMax: 256,
  wantTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  blockBytesMax: 2_097_152,
  cidBytesMax: 2_048,
  frontierBytesMax: 67_108_864,
  missingMax: 10_000,
  peersMax: 32,
  providersMax: 512,
  dialsMax: 8,
  searchPauseMs: 1_000,
  searchesMax: 8,
  progressIntervalMs: 200
}

export function resolveFetch(options: FetchOptions = {}): FetchConfig {
  return withDefaults(defaults, options)
}
