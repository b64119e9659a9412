/**
 * The process: arguments, environment and signals go in, an exit code comes out. 0 for success, 1
 * for everything else, as kubo has it.
 */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { inspect } from 'node:util'
import { CommanderError } from 'commander'
import { InterruptedError, messageOf, StdoutClosedError } from './errors.ts'
import { createProgram } from './program.ts'

/** npm passes on the Ctrl-C that the terminal has given to us too: so close, two are one. */
const sameSignalMs = 100

const homeRepo = join(homedir(), '.cardock')
const stop = new AbortController()
let stoppedAt = 0
const isUnderNpm = process.env['npm_lifecycle_event'] !== undefined
const program = createProgram({
  version: readVersion(),
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
for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(name, error => process.exit(report(error)))
}
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

/** `cardock` where that is on the PATH, else the path that was typed. */
function nameOf(script: string): string {
  return basename(script) === 'cardock' ? 'cardock' : `./${relative(process.cwd(), script)}`
}

/** Two folders up in the sources and in what is built of them. */
function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
