/**
 * The process: arguments, environment and signals go in, an exit code comes out. 0 for success, 1
 * for everything else, as kubo has it.
 */
import { basename, join, relative } from 'node:path'
import { inspect } from 'node:util'
import { CommanderError } from 'commander'
import { homeRepoPath } from '../repo-layout.ts'
import { InterruptedError, messageOf, StdoutClosedError } from './errors.ts'
import { createProgram } from './program.ts'

/** npm passes on the Ctrl-C that the terminal has given to us too: so close, two are one. */
const sameSignalMs = 100

const homeRepo = homeRepoPath()
const stop = new AbortController()
let stoppedAt = 0
const isUnderNpm = process.env['npm_lifecycle_event'] !== undefined
const program = createProgram({
  homeRepo,
  repo: process.env['CARDOCK_PATH'] || homeRepo,
  terminal: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
  signal: stop.signal,
  programName: nameOf(process.argv[1] ?? 'cardock'),
  isNpmStart: process.env['npm_lifecycle_event'] === 'start'
})

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt)
process.stdout.on('error', error => {
  if ('code' in error && error.code === 'EPIPE') stop.abort(new StdoutClosedError())
  else stop.abort(error)
})
// Nobody is left to tell.
process.stderr.on('error', () => undefined)
process.on('uncaughtException', error => process.exit(report(error)))
// A promise that a library forgot to wait for: worth saying, and no reason to end a daemon.
process.on('unhandledRejection', report)
process.exit(await run())

async function run(): Promise<number> {
  try {
    await program.parseAsync(process.argv)
    return 0
  } catch (error) {
    return report(error)
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1
  if (error instanceof StdoutClosedError) return 0
  process.stderr.write(`Error: ${messageOf(error)}\n`)
  if (program.opts()['debug'] === true) process.stderr.write(`${inspect(error)}\n`)
  return 1
}

function interrupt(): void {
  const now = Date.now()
  if (!stop.signal.aborted) {
    stoppedAt = now
    stop.abort(new InterruptedError())
  } else if (!isUnderNpm || now - stoppedAt > sameSignalMs) {
    process.stderr.write('Received another interrupt before the end, terminating...\n')
    process.exit(1)
  }
}

/**
 * How this program can be called from this folder: as it was, or through npm, which knows the clone
 * that it is in.
 */
function nameOf(script: string): string {
  if (basename(script) === 'cardock') return 'cardock'
  const path = relative(process.cwd(), script)
  return isUnderNpm && path === join('bin', 'cardock.js') ? 'npx cardock' : `./${path}`
}
