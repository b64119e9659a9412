import { anySignal } from '../abort.ts'
import { LocalCaller, RpcClient, versionVerb, type Caller } from '../gateway/index.ts'
import { NoDaemonError } from './errors.ts'
import type { GlobalOptions } from './globals.ts'
import { readDaemonFiles } from './repo-files.ts'

/**
 * What a command asks of the peer: the one that a daemon runs, one that can ask the network, or only
 * what is in the repo.
 */
export type Need = 'daemon' | 'network' | 'repo'

export interface ConnectOptions {
  readonly need: Need
  readonly repo: string
  readonly globals: GlobalOptions
  readonly signal: AbortSignal
}

/**
 * The daemon that runs on the repo or behind --api; without one, the repo opened in this process.
 *
 * @throws REPO_LOCKED, RPC_UNREACHABLE when the command is of no use without a daemon
 */
export async function connect(options: ConnectOptions): Promise<Caller> {
  const { need, repo, globals, signal } = options
  const { api, token = '' } = await readDaemonFiles(repo)
  if (globals.api !== undefined) return new RpcClient(globals.api, token)
  const daemon = api === undefined ? undefined : new RpcClient(api, token)
  if (daemon !== undefined && (await answers(daemon, signal))) return daemon
  if (need === 'daemon') throw new NoDaemonError(repo)
  return openHere(options)
}

/** A daemon that takes longer is stopped, or something else has its port. */
const answerMs = 3_000

/**
 * The `api` file outlives a killed daemon, so that who it names is asked. Nobody there, or somebody
 * else: then the lock of the repo has the last word.
 */
async function answers(daemon: Caller, signal: AbortSignal): Promise<boolean> {
  try {
    const soon = anySignal(signal, AbortSignal.timeout(answerMs))
    for await (const _ of daemon.call(versionVerb, { signal: soon })) return true
  } catch {
    signal.throwIfAborted()
  }
  return false
}

async function openHere({ need, repo, globals, signal }: ConnectOptions): Promise<Caller> {
  const [{ createPeer }, { createLog }] = await Promise.all([
    import('../node/index.ts'),
    import('./log.ts')
  ])
  const peer = await createPeer({
    repo,
    // For one command: it asks others, and is gone before they could ask it.
    config: { Addresses: { Swarm: [], Announce: [], AppendAnnounce: [] } },
    offline: globals.offline === true || need === 'repo',
    log: createLog({ of: 'command', debug: globals.debug === true }),
    signal
  })
  return new LocalCaller(peer)
}
