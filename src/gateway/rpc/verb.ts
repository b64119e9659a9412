import type { Peer } from '../../node/index.ts'

/**
 * One thing that a peer can be asked to do. Written once, it runs in this process or behind HTTP:
 * a caller cannot tell which. What it yields is JSON as kubo's RPC has it, or bytes.
 */
export interface Verb<Options extends object, Value> extends VerbShape {
  readonly options: { readonly [Name in keyof Options]-?: OptionSchema<Options[Name]> }
  run(context: VerbContext, input: VerbInput<Options>): AsyncIterable<Value>
}

/** Some verb: what a table of different ones is made of. Only a verb's own options fit its `run`. */
export interface AnyVerb extends VerbShape {
  run(context: VerbContext, input: VerbInput<never>): AsyncIterable<unknown>
}

interface VerbShape {
  /** Below the route's prefix, such as `dag/import`. */
  readonly path: string
  /** `kubo`: a verb of kubo's, at /api/v0/. `own`: one that kubo does not have, at /cardock/v0/. */
  readonly route: 'kubo' | 'own'
  readonly output: 'values' | 'bytes'
  readonly args: VerbArgs
  readonly options: Readonly<Record<string, object>>
  /** Takes files in the body of the request. */
  readonly body?: 'multipart'
}

interface VerbArgs {
  readonly name: string
  readonly min: number
  readonly max: number
}

/** JSON schema of an option in the query, by the type that it has here. */
type OptionSchema<T> = { readonly description: string } & (NonNullable<T> extends boolean
  ? { readonly type: 'boolean' }
  : NonNullable<T> extends number
    ? { readonly type: 'integer'; readonly minimum: number; readonly maximum?: number }
    : NonNullable<T> extends readonly string[]
      ? { readonly type: 'array'; readonly items: { readonly type: 'string' } }
      : { readonly type: 'string'; readonly enum?: readonly NonNullable<T>[] })

/** Of a verb that takes none. */
export type NoOptions = Readonly<Record<string, never>>

/** What a verb works on. */
export interface VerbContext {
  readonly peer: Peer
  /** The daemon that runs the peer; undefined when a command opened the repo itself. */
  readonly daemon?: Daemon | undefined
}

export interface Daemon {
  /** Begins a graceful end and returns. */
  shutdown(): void
}

export interface VerbInput<Options> {
  readonly args: readonly string[]
  readonly options: Options
  readonly files: AsyncIterable<InputFile>
  readonly signal: AbortSignal
}

/** A file in the body: read its content before asking for the next file. */
export interface InputFile {
  readonly name: string
  readonly content: AsyncIterable<Uint8Array>
}

/** A call as its caller writes it. */
export interface Call<Options> {
  readonly args?: readonly string[]
  readonly options?: Options
  readonly files?: AsyncIterable<InputFile>
  readonly signal: AbortSignal
}

/** Runs verbs: {@link LocalCaller} in this process, {@link RpcClient} on a daemon. */
export interface Caller extends AsyncDisposable {
  /** @throws what the verb throws, with its `code`, wherever it ran */
  call<Options extends object, Value>(
    verb: Verb<Options, Value>,
    call: Call<Options>
  ): AsyncIterable<Value>
}

/** Address of a verb on the RPC server, without its query. */
export function pathOf(verb: Pick<VerbShape, 'path' | 'route'>): string {
  return `${verb.route === 'kubo' ? '/api/v0' : '/cardock/v0'}/${verb.path}`
}

/** For verbs that were given no files. */
export async function* noFiles(): AsyncGenerator<InputFile> {}
