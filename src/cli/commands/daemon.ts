import { once } from 'node:events'
import { rename, rm, writeFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { anySignal } from '../../abort.ts'
import { startRpc, verbs } from '../../gateway/index.ts'
import type { Log } from '../../log.ts'
import type { Peer, PeerOptions, ProfileName } from '../../node/index.ts'
import { InterruptedError } from '../errors.ts'
import { besideOf } from '../output-file.ts'
import { profileOption } from '../profile-option.ts'
import type { Cli, Session } from '../session.ts'
import { printLine } from '../terminal.ts'
import { suggestions } from '../suggestions.ts'

type Routing = NonNullable<PeerOptions['routing']>

interface Options {
  readonly car: readonly string[]
  readonly bootstrap: readonly string[]
  readonly init?: boolean
  readonly initProfile?: ProfileName
  readonly profile?: ProfileName
  readonly routing?: Routing
}

const routings: readonly Routing[] = ['auto', 'autoclient', 'dht', 'dhtclient', 'none']

export function daemonCommand({ action }: Cli): Command {
  return new Command('daemon')
    .description('run the peer: serve CAR files, and answer the other commands')
    .option('--car <glob>', 'serve these CAR files in place; may be said again', addTo, [])
    .option('--bootstrap <address>', 'join through this peer too; may be said again', addTo, [])
    .option('--init', 'make the repo first when there is none')
    .addOption(
      profileOption('--init-profile <name>', 'the config values that a new repo begins with')
    )
    .addOption(
      profileOption('--profile <name>', 'config values for this run, below those of the repo')
    )
    .addOption(new Option('--routing <type>', 'how to use the DHT').choices(routings))
    .action(action(runDaemon))
}

function addTo(text: string, before: readonly string[]): readonly string[] {
  return [...before, text]
}

/** Ctrl-C is how a daemon is ended: no failure, also while it starts. */
async function runDaemon(session: Session, options: Options): Promise<void> {
  try {
    await serve(session, options)
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error
  }
}

async function serve(session: Session, options: Options): Promise<void> {
  const { terminal, signal } = session
  await using stack = new AsyncDisposableStack()
  const { createLog } = await import('../log.ts')
  const log = createLog({ of: 'daemon', debug: session.globals.debug === true })
  const peer = stack.use(await openPeer(session, options, log))
  const shutdown = new AbortController()
  const rpc = await startRpc({
    verbs,
    peer,
    address: peer.config.Addresses.API,
    token: peer.repo.token,
    log,
    onShutdown: () => shutdown.abort()
  })
  stack.defer(() => rpc.close())
  const { api } = peer.repo.layout
  stack.defer(() => rm(api, { force: true }))
  await putFile(api, `${rpc.address}\n`)

  for (const address of peer.addresses) printLine(terminal, `Swarm listening on ${address}`)
  if (peer.isOffline) printLine(terminal, 'Offline: it listens nowhere and asks nobody')
  printLine(terminal, `RPC API server listening on ${rpc.address}`)
  printLine(terminal, 'Daemon is ready')
  await printSuggestions(session, peer)

  await aborted(anySignal(signal, shutdown.signal))
  if (signal.reason instanceof InterruptedError) {
    printLine(terminal, 'Received interrupt signal, shutting down...')
    printLine(terminal, '(Hit ctrl-c again to force-shutdown the daemon.)')
  }
}

async function openPeer(session: Session, options: Options, log: Log): Promise<Peer> {
  const { createPeer, isRepo, openRepo } = await import('../../node/index.ts')
  const { repo } = session
  const { init, initProfile, car, ...rest } = options
  if ((init === true || initProfile !== undefined) && !(await isRepo(repo))) {
    using _made = await openRepo(repo, { profile: initProfile })
  }
  const { offline } = session.globals
  return createPeer({ ...rest, repo, cars: car, offline, log, signal: session.signal })
}

/** Whoever reads the file sees all of it. */
async function putFile(path: string, text: string): Promise<void> {
  const beside = besideOf(path)
  await writeFile(beside, text)
  await rename(beside, path)
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

/** For somebody who looks at it: a program that starts a daemon knows what it wants. */
async function printSuggestions(session: Session, peer: Peer): Promise<void> {
  const { surroundings, terminal } = session
  if (terminal.stdout.isTTY !== true && !surroundings.isNpmStart) return
  const commands = await suggestions(session, peer)
  if (commands.length === 0) return
  printLine(terminal, '\nTry next, in another terminal:')
  for (const command of commands) printLine(terminal, `  ${command}`)
}
