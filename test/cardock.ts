/** The real command line in child processes: one-off commands, and daemons that a test holds. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

const bin = join(import.meta.dirname, '..', 'bin', 'cardock.js')

/** Starts one command, whose output the caller reads. */
export function spawnCardock(
  ...args: readonly string[]
): ChildProcessByStdio<null, Readable, Readable> {
  // As from a shell: under npm, which passes Ctrl-C on, two that come close are taken for one.
  const { npm_lifecycle_event: _, ...env } = process.env
  return spawn(process.execPath, [bin, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

export interface Finished {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs one command to its end. */
export async function cardock(...args: readonly string[]): Promise<Finished> {
  const child = spawnCardock(...args)
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }
}

/** Runs one command that has to succeed; its standard output as text. */
export async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cardock(...args)
  assert.equal(code, 0, `cardock ${args.join(' ')} failed: ${stderr}`)
  return stdout.toString()
}

/** A `cardock daemon` in a process of its own; `await using` kills what is left of it. */
export class Daemon implements AsyncDisposable {
  readonly repo: string
  readonly child: ChildProcess
  /** Where it listens, `/p2p/<id>` included. */
  readonly addresses: readonly string[]

  readonly #stderr: readonly Buffer[]

  private constructor(parts: {
    repo: string
    child: ChildProcess
    addresses: readonly string[]
    stderr: readonly Buffer[]
  }) {
    this.repo = parts.repo
    this.child = parts.child
    this.addresses = parts.addresses
    this.#stderr = parts.stderr
  }

  /** What it said on standard error so far. */
  get stderr(): string {
    return Buffer.concat(this.#stderr).toString()
  }

  /** Resolves when the daemon says that it is ready. Profile `test`: loopback and free ports. */
  static async start(repo: string, ...args: readonly string[]): Promise<Daemon> {
    const daemon = ['--repo-dir', repo, 'daemon', '--init', '--init-profile', 'test', ...args]
    const child = spawnCardock(...daemon)
    const stderr = collect(child.stderr)
    const addresses: string[] = []
    const ready = Promise.withResolvers<void>()
    createInterface({ input: child.stdout }).on('line', line => {
      const [, address] = /^Swarm listening on (\S+)$/.exec(line) ?? []
      if (address !== undefined) addresses.push(address)
      if (line === 'Daemon is ready') ready.resolve()
    })
    child.once('close', () => {
      const why = Buffer.concat(stderr).toString()
      ready.reject(new Error(`the daemon ended before it was ready: ${why}`))
    })
    await ready.promise
    return new Daemon({ repo, child, addresses, stderr })
  }

  get address(): string {
    const [first] = this.addresses
    assert.ok(first, 'the daemon listens nowhere')
    return first
  }

  get id(): string {
    return this.address.split('/p2p/')[1] ?? ''
  }

  run(...args: readonly string[]): Promise<Finished> {
    return cardock('--repo-dir', this.repo, ...args)
  }

  succeed(...args: readonly string[]): Promise<string> {
    return succeed('--repo-dir', this.repo, ...args)
  }

  /** Sends `signal` and waits for the process to end; its exit code, null after a kill. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode
    const closed = once(this.child, 'close') as Promise<[number | null]>
    this.child.kill(signal)
    return (await closed)[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
  }
}

/** A folder that is gone when the block ends. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'cardock-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** `found` once `ask` gives something other than undefined; it is asked again until then. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = AbortSignal.timeout(60_000)
  while (!deadline.aborted) {
    const found = await ask()
    if (found !== undefined) return found
  }
  throw new Error(`gave up waiting for ${what}`)
}

function collect(stream: NodeJS.ReadableStream): Buffer[] {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return chunks
}
