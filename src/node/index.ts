/** The package's public API, and what `gateway` and `cli` stand on. */
export { CardockError, type ErrorCode } from '../errors.ts'
export type { Log } from '../log.ts'
export { layoutOf, type RepoLayout } from '../repo-layout.ts'
export { version } from '../version.ts'
export type { Dagstore, ShardInfo } from '../dagstore/index.ts'
export type { FetchProgress } from '../exchange/index.ts'
export { parseCid } from './cid.ts'
export { type ProfileName, profiles } from './config-profiles.ts'
export type { Config } from './config-schema.ts'
export { configTable, configValue, type PartialConfig, resolveConfig } from './config.ts'
export { createPeer, type PeerOptions } from './create-peer.ts'
export type { FetchOptions, FetchReport } from './fetch.ts'
export {
  expandCars,
  type ImportFileOptions,
  type ImportOptions,
  type ImportReport
} from './import.ts'
export { providerAt } from './provider.ts'
export type { Peer, ReadOptions } from './peer.ts'
export { defaultRepoPath, isRepo, openRepo, readConfig, type Repo, setConfig } from './repo.ts'
export type { DirectoryEntry } from './unixfs.ts'
