import type { Command } from 'commander'
import { anySignal } from '../abort.ts'
import {
  timeoutSignal,
  type Call,
  type Caller,
  type NoOptions,
  type Verb
} from '../gateway/index.ts'
import { connect, type Need } from './connect.ts'
import type { GlobalOptions } from './globals.ts'
import { printLine, type Terminal } from './terminal.ts'

/** What a command is given by the process that it runs in. */
export interface Surroundings {
  /** The repo when neither an option nor the environment names one. */
  readonly homeRepo: string
  /** The repo when no option names one. */
  readonly repo: string
  readonly terminal: Terminal
  /** Aborts at Ctrl-C, and when the reader of stdout goes. */
  readonly signal: AbortSignal
  /** How the user calls this program, for commands that we propose. */
  readonly programName: string
  /** Whether `npm start` runs us. */
  readonly isNpmStart: boolean
}

/** One run of one command. */
export class Session implements AsyncDisposable {
  readonly globals: GlobalOptions
  readonly surroundings: Surroundings
  readonly terminal: Terminal
  /** Aborts with the surroundings' reason, or when --timeout is over. */
  readonly signal: AbortSignal
  readonly isJson: boolean
  /** Path of the repo. */
  readonly repo: string
  #caller: Promise<Caller> | undefined

  private constructor(globals: GlobalOptions, surroundings: Surroundings, signal: AbortSignal) {
    this.globals = globals
    this.surroundings = surroundings
    this.terminal = surroundings.terminal
    this.signal = signal
    this.isJson = globals.json === true || globals.encoding === 'json'
    this.repo = globals.repoDir ?? surroundings.repo
  }

  /** @throws USAGE_INVALID when --timeout is no duration */
  static begin(globals: GlobalOptions, surroundings: Surroundings): Session {
    const { timeout } = globals
    const limit = timeout === undefined ? undefined : timeoutSignal(timeout)
    return new Session(globals, surroundings, anySignal(surroundings.signal, limit))
  }

  /** Runs a verb on the daemon, else on the repo, which stays open here until the command ends. */
  async *call<Options extends object, Value>(
    need: Need,
    verb: Verb<Options, Value>,
    call: Partial<Call<Options>> = {}
  ): AsyncGenerator<Value> {
    const { repo, globals, signal } = this
    this.#caller ??= connect({ need, repo, globals, signal })
    const caller = await this.#caller
    yield* caller.call(verb, { signal, ...call })
  }

  /** Runs a verb that answers nothing. */
  async finish(need: Need, verb: Verb<NoOptions, never>): Promise<void> {
    for await (const _ of this.call(need, verb)) break
  }

  /** Prints a value: as JSON when that was asked for, else as the text made of it. */
  print<Value>(value: Value, toText: (value: Value) => string): void {
    printLine(this.terminal, this.isJson ? JSON.stringify(value) : toText(value))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const caller = await this.#caller?.catch(() => undefined)
    await caller?.[Symbol.asyncDispose]()
  }
}

/** The work of a command: takes what commander parsed, in the order in which it is declared. */
type Work<Parsed extends unknown[]> = (session: Session, ...parsed: Parsed) => Promise<void>

/** Makes actions of commander's of the work of commands. */
export interface Cli {
  readonly action: <Parsed extends unknown[]>(
    work: Work<Parsed>
  ) => (...parsed: unknown[]) => Promise<void>
}

export function createCli(surroundings: Surroundings): Cli {
  return {
    action:
      <Parsed extends unknown[]>(work: Work<Parsed>) =>
      async (...parsed) => {
        const command = parsed.pop() as Command
        await using session = Session.begin(command.optsWithGlobals(), surroundings)
        await work(session, ...(parsed as Parsed))
      }
  }
}
