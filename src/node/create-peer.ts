import { resolve } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { AbortOptions } from '../abort.ts'
import type { CarLimits } from '../dagstore/index.ts'
import { Dagstore, carLimitDefaults } from '../dagstore/index.ts'
import { withDefaults } from '../defaults.ts'
import type { RoutingType } from '../discovery/index.ts'
import { CardockError } from '../errors.ts'
import type { Log } from '../log.ts'
import { silentLog } from '../log.ts'
import type { ProfileName } from './config-profiles.ts'
import { profiles } from './config-profiles.ts'
import type { Config } from './config-schema.ts'
import type { PartialConfig } from './config.ts'
import { resolveConfig } from './config.ts'
import { expandCars } from './import.ts'
import type { NetworkParts } from './network.ts'
import type { Network } from './peer.ts'
import { Peer } from './peer.ts'
import type { Repo } from './repo.ts'
import { defaultRepoPath, openRepo } from './repo.ts'
import { Sessions } from './sessions.ts'

export interface PeerOptions extends AbortOptions {
  /** Folder of the repo, made when it is not there: $CARDOCK_PATH, else ~/.cardock. */
  readonly repo?: string | undefined
  /** Goes before what config.toml says. */
  readonly config?: PartialConfig | undefined
  /** Comes after what config.toml says, and is written into one that is made now. */
  readonly profile?: ProfileName | undefined
  /** CARs to serve where they are: files, folders or globs. One that is broken is left out. */
  readonly cars?: readonly string[] | undefined
  /** Without the network: it listens nowhere and dials nobody. */
  readonly offline?: boolean | undefined
  readonly routing?: RoutingType | undefined
  /** Bootstrap peers beside those of the config. */
  readonly bootstrap?: readonly string[] | undefined
  readonly log?: Log | undefined
}

/**
 * Opens a repo and brings its peer up. The peer holds the repo's lock until it is closed.
 *
 * @throws REPO_LOCKED, REPO_VERSION, CONFIG_INVALID
 */
export async function createPeer(options: PeerOptions = {}): Promise<Peer> {
  const { log = silentLog, signal } = options
  signal?.throwIfAborted()
  await using stack = new AsyncDisposableStack()
  const repo = stack.use(await openRepo(options.repo ?? defaultRepoPath(), options))
  const config = configOf(repo, options)
  const dagstore = await openDagstore(repo, config, log)
  stack.defer(() => dagstore.close())
  signal?.throwIfAborted()

  const parts = { repo, config, dagstore, log }
  const network = options.offline === true ? undefined : await goOnline(parts, stack)
  const announce = config.Announce.Policy
  const sessions = new Sessions(network && { dagstore, announce, begin: network.begin })
  stack.defer(() => sessions.close())
  const importing = { dagstore, sessions, limits: carLimitsOf(config) }
  await serveCars(options.cars ?? [], { dagstore, log, signal })

  const id = peerIdFromPrivateKey(repo.identity)
  const limits = { blocksMax: config.Walk.MaxBlocks, pendingBytesMax: config.Walk.MaxPending }
  const stop = stack.move()
  return new Peer({ id, repo, config, dagstore, sessions, network, importing, limits, stop })
}

function configOf(repo: Repo, options: PeerOptions): Config {
  const profile = options.profile === undefined ? {} : profiles[options.profile]
  const config = resolveConfig(profile, repo.config, options.config ?? {})
  return resolveConfig(config, {
    Routing: { Type: options.routing },
    Bootstrap: [...config.Bootstrap, ...(options.bootstrap ?? [])]
  })
}

async function openDagstore(repo: Repo, config: Config, log: Log): Promise<Dagstore> {
  return Dagstore.open({
    dir: repo.layout.path,
    log,
    config: {
      indexThreads: config.DAGStore.MaxConcurrentIndex,
      openFilesMax: config.DAGStore.MaxOpenFiles,
      announce: config.Announce.Policy,
      car: carLimitsOf(config)
    }
  })
}

function carLimitsOf(config: Config): CarLimits {
  return withDefaults(carLimitDefaults, { sectionBytesMax: config.DAGStore.MaxBlockSize })
}

/** Only a peer that goes online loads what that takes: two thirds of all the code there is. */
async function goOnline(parts: NetworkParts, stack: AsyncDisposableStack): Promise<Network> {
  const { startNetwork } = await import('./network.ts')
  return startNetwork(parts, stack)
}

/** CARs that are registered at once; how many are indexed at once is for the dagstore. */
const registrationsMax = 32

/** A CAR that cannot be served is named in the log, and harms no other. */
async function serveCars(
  patterns: readonly string[],
  { dagstore, log, signal }: { dagstore: Dagstore; log: Log } & AbortOptions
): Promise<void> {
  const paths = expandCars(patterns)
  const register = async (): Promise<void> => {
    for await (const path of paths) {
      signal?.throwIfAborted()
      await dagstore.register(resolve(path), { signal }).catch(error => {
        signal?.throwIfAborted()
        if (!(error instanceof CardockError)) throw error
        log.warn({ path, code: error.code }, `not served: ${error.message}`)
      })
    }
  }
  // All of them end before the dagstore may be closed: the first that fails ends the others' list.
  const ended = await Promise.allSettled(Array.from({ length: registrationsMax }, register))
  for (const end of ended) if (end.status === 'rejected') throw end.reason
}
