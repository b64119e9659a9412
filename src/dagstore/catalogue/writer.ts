import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ClosedError } from '../../errors.ts'
import { CatalogueFailedError, ResourceExhaustedError } from '../errors.ts'
import type { WriterReply, WriterRequest } from './catalogue-worker.ts'
import type { Operation, OperationName, Operations, Outcome } from './operations.ts'

const batchMax = 4096

/** SQLITE_FULL; the upper bits of an error code say more. */
const diskFull = 13

interface Pending {
  readonly operation: Operation
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * The main thread's side of the one writer. Operations that come while a batch is being written make
 * the next one, so that a thousand of them cost a few fsyncs and a lone one waits for nobody.
 */
export class CatalogueWriter {
  readonly #worker: Worker
  readonly #queue: Pending[] = []
  #draining: Promise<void> | undefined
  /** Of the batch that is being written. */
  #reply: PromiseWithResolvers<WriterReply> | undefined
  /** The worker is gone; what that does to a batch. */
  #gone: WriterReply | undefined
  #closed = false

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: WriterReply) => this.#reply?.resolve(reply))
    worker.on('error', error => this.#lose(error.message))
    worker.on('exit', () => this.#lose('its worker has ended'))
    worker.unref()
  }

  /** Makes and migrates the database at `path`. */
  static async open(path: string): Promise<CatalogueWriter> {
    const name = import.meta.url.endsWith('.ts') ? './catalogue-worker.ts' : './catalogue-worker.js'
    const worker = new Worker(new URL(name, import.meta.url), { workerData: { path } })
    try {
      await once(worker, 'message')
      return new CatalogueWriter(worker)
    } catch (cause) {
      throw new CatalogueFailedError(`${path} did not open: ${(cause as Error).message}`, { cause })
    }
  }

  /** Resolves when the operation is durable. */
  async run<Name extends OperationName>(
    type: Name,
    input: Operations[Name]['in']
  ): Promise<Operations[Name]['out']> {
    if (this.#closed) throw new ClosedError('catalogue')
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#queue.push({ operation: { type, input } as Operation, resolve, reject })
    this.#draining ??= this.#drain()
    return promise as Promise<Operations[Name]['out']>
  }

  /** Waits for what was asked before, then ends the worker. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#draining
    if (this.#gone !== undefined) return
    const exited = once(this.#worker, 'exit')
    this.#worker.ref()
    this.#post({ close: true })
    await exited
  }

  async #drain(): Promise<void> {
    this.#worker.ref()
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchMax)
      settle(batch, await this.#write(batch))
    }
    this.#worker.unref()
    this.#draining = undefined
  }

  /** Never rejects: a batch that cannot be sent, or whose worker is gone, is one that failed. */
  async #write(batch: readonly Pending[]): Promise<WriterReply> {
    if (this.#gone !== undefined) return this.#gone
    this.#reply = Promise.withResolvers<WriterReply>()
    try {
      this.#post({ batch: batch.map(({ operation }) => operation) })
    } catch (error) {
      return failed(String(error))
    }
    return this.#reply.promise
  }

  #lose(message: string): void {
    const gone = (this.#gone ??= failed(message))
    this.#reply?.resolve(gone)
  }

  #post(request: WriterRequest): void {
    this.#worker.postMessage(request)
  }
}

function settle(batch: readonly Pending[], reply: WriterReply): void {
  for (const [at, { operation, resolve, reject }] of batch.entries()) {
    const outcome = reply.type === 'done' ? reply.outcomes[at] : reply.failure
    if (outcome?.ok === true) resolve(outcome.value)
    else reject(errorOf(operation.type, outcome ?? failed('no answer').failure))
  }
}

function failed(message: string): WriterReply & { type: 'failed' } {
  return { type: 'failed', failure: { ok: false, message, errcode: undefined } }
}

function errorOf(type: OperationName, { message, errcode }: Outcome & { ok: false }): Error {
  const cause = new Error(message)
  if (errcode !== undefined && (errcode & 0xff) === diskFull) {
    return new ResourceExhaustedError('no space left for the catalogue', { cause })
  }
  return new CatalogueFailedError(`'${type}' was not written: ${message}`, { cause })
}
