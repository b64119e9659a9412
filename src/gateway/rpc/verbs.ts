import type { AnyVerb } from './verb.ts'
import { blockGetVerb, blockStatVerb } from './verbs/block.ts'
import { bootstrapAddVerb, bootstrapListVerb, bootstrapRemoveVerb } from './verbs/bootstrap.ts'
import { dagExportVerb, dagImportVerb } from './verbs/dag.ts'
import { fetchVerb } from './verbs/fetch.ts'
import { idVerb } from './verbs/id.ts'
import { importVerb } from './verbs/import.ts'
import { lsVerb } from './verbs/ls.ts'
import { findProvsVerb, provideVerb } from './verbs/routing.ts'
import { destroyShardVerb, listShardsVerb, registerShardVerb } from './verbs/shards.ts'
import { shutdownVerb } from './verbs/shutdown.ts'
import { statsBitswapVerb } from './verbs/stats.ts'
import { swarmConnectVerb, swarmPeersVerb } from './verbs/swarm.ts'
import { catVerb, getVerb } from './verbs/unixfs.ts'
import { versionVerb } from './verbs/version.ts'

/** Every verb that the RPC has. */
export const verbs: readonly AnyVerb[] = [
  blockGetVerb,
  blockStatVerb,
  bootstrapAddVerb,
  bootstrapListVerb,
  bootstrapRemoveVerb,
  catVerb,
  dagExportVerb,
  dagImportVerb,
  destroyShardVerb,
  fetchVerb,
  findProvsVerb,
  getVerb,
  idVerb,
  importVerb,
  listShardsVerb,
  lsVerb,
  provideVerb,
  registerShardVerb,
  shutdownVerb,
  statsBitswapVerb,
  swarmConnectVerb,
  swarmPeersVerb,
  versionVerb
]
