export {
  RemoteError,
  RpcFailedError,
  RpcUnreachableError,
  TimeoutError,
  UsageInvalidError
} from './errors.ts'
export { RpcClient } from './rpc/client.ts'
export { LocalCaller } from './rpc/local.ts'
export { timeoutSignal } from './rpc/query.ts'
export { startRpc, type RpcServer } from './rpc/server.ts'
export type { Call, Caller, InputFile, NoOptions, Verb } from './rpc/verb.ts'
export { verbs } from './rpc/verbs.ts'
export { blockGetVerb, blockStatVerb, type BlockStatValue } from './rpc/verbs/block.ts'
export {
  bootstrapAddVerb,
  bootstrapListVerb,
  bootstrapRemoveVerb,
  type BootstrapValue
} from './rpc/verbs/bootstrap.ts'
export { dagExportVerb } from './rpc/verbs/dag.ts'
export {
  fetchVerb,
  type FetchValue,
  type FetchProgressValue,
  type FetchReportValue
} from './rpc/verbs/fetch.ts'
export { idVerb, type IdValue } from './rpc/verbs/id.ts'
export { importVerb, type ImportValue } from './rpc/verbs/import.ts'
export { lsVerb, type LsLink } from './rpc/verbs/ls.ts'
export { findProvsVerb, provideVerb } from './rpc/verbs/routing.ts'
export {
  destroyShardVerb,
  listShardsVerb,
  registerShardVerb,
  type ShardValue
} from './rpc/verbs/shards.ts'
export { shutdownVerb } from './rpc/verbs/shutdown.ts'
export { statsBitswapVerb, type BitswapValue } from './rpc/verbs/stats.ts'
export { swarmConnectVerb, swarmPeersVerb, type SwarmPeer } from './rpc/verbs/swarm.ts'
export { catVerb, getVerb } from './rpc/verbs/unixfs.ts'
export { versionVerb, versionValue, type VersionValue } from './rpc/verbs/version.ts'
