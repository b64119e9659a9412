import { resolve } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { AbortOptions } from '../abort.ts'
import type { CarLimits } from '../dagstore/index.ts'
import { Dagstore, carLimitDefaults } from '../dagstore/index.ts'
import { withDefaults } from '../defaults.ts'
import type { Discovery, RoutingType } from '../discovery/index.ts'
import { CardockError } from '../errors.ts'
import type { Log } from '../log.ts'
import { silentLog } from '../log.ts'
import type { ProfileName } from './config-profiles.ts'
import { profiles } from './config-profiles.ts'
import type { Config } from './config-schema.ts'
import type { PartialConfig } from './config.ts'
import { resolveConfig } from './config.ts'
import { expandCars } from './import.ts'
import { dialerOf, startNetwork } from './network.ts'
import type { Network } from './peer.ts'
import { Peer } from './peer.ts'
import type { Repo } from './repo.ts'
import { defaultRepoPath, openRepo } from './repo.ts'
import { Sessions } from './sessions.ts'
import type { SessionParts } from './shared-session.ts'

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

  const network =
    options.offline === true
      ? undefined
      : await startNetwork({ repo, config, dagstore, log }, stack)
  if (network !== undefined) stack.defer(announceNew(dagstore, network.discovery))
  const sessions = new Sessions(network && sessionParts({ config, dagstore, network, log }))
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

/** Roots of new shards are announced at once; the sweep finds what else their policy says. */
function announceNew(dagstore: Dagstore, discovery: Discovery): () => void {
  return dagstore.onRegistered(({ announce, roots }) => {
    if (announce !== 'none') for (const root of roots) discovery.enqueue(root)
  })
}

function sessionParts({ network, ...parts }: SessionInput): SessionParts {
  const { discovery, exchange, libp2p } = network
  return { ...parts, exchange, finder: discovery, dialer: dialerOf(libp2p) }
}

type SessionInput = Omit<SessionParts, 'exchange' | 'finder' | 'dialer'> & {
  readonly network: Network
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
        if (!(error instanceof CardockError)) throw error
        log.warn({ path, code: error.code }, `not served: ${error.message}`)
      })
    }
  }
  await Promise.all(Array.from({ length: registrationsMax }, register))
}
