export { createHeliaBitswap, type HeliaBitswap } from './bitswap/helia.ts'
export type { PeerAccount } from './bitswap/accounts.ts'
export type { BitswapConfig } from './bitswap/config.ts'
export type {
  BitswapStats,
  Exchange,
  PeerDialer,
  PeerFinder,
  Provider,
  WantOptions
} from './exchange.ts'
export { listen, receive, send } from './stream.ts'
export { FetchIncompleteError, IdleTimeoutError, ProvidersNotFoundError } from './errors.ts'
export type { Undialable } from './errors.ts'
export { FetchSession, type FetchProgress, type FetchSessionParts } from './session.ts'
export type { FetchOptions } from './session/config.ts'
export type { BlockSink } from './session/sink.ts'
export type { WalkReport } from './session/walk.ts'
