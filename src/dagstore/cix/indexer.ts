import { Worker } from 'node:worker_threads'
import type { AbortOptions } from '../../abort.ts'
import { ClosedError } from '../../errors.ts'
import type { WorkerAnswer, WorkerJob } from './index-worker.ts'
import type { IndexReport, IndexRequest, SealReport, SealRequest } from './jobs.ts'
import { threadOptions } from './thread.ts'
import { reviveError } from './thread-errors.ts'

/** A job and who waits for it. */
interface Task {
  readonly job: WorkerJob
  readonly done: PromiseWithResolvers<unknown>
}

/**
 * Makes indices in worker threads, as many at once as `threads` says; more wait their turn. Threads
 * start when they are first needed and do not keep the process alive while they have nothing to do.
 */
export class Indexer {
  readonly #threads: number
  readonly #idle: Worker[] = []
  readonly #busy = new Map<Worker, Task>()
  readonly #queue: Task[] = []
  #closed = false

  /** `threads`: from 1. */
  constructor({ threads }: { readonly threads: number }) {
    this.#threads = threads
  }

  /**
   * Scans a CAR and writes its `.cix`, which stands whole under its name when this resolves. A job
   * called off rejects once its thread is done with it, which may take it until the file is whole:
   * who calls off removes it. Nothing is written later, and nothing half is left.
   *
   * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED, INDEX_UNSUPPORTED, CLOSED, and the system's own
   *   errors such as ENOENT and ENOSPC
   */
  async indexCar(request: IndexRequest, { signal }: AbortOptions = {}): Promise<IndexReport> {
    const job = { kind: 'index', request, cancelled: sharedFlag() } as const
    return (await this.#run(job, { signal })) as IndexReport
  }

  /**
   * Writes the 0x0401 index behind the sections of a part, not yet synced, out of its journal. Called
   * off as `indexCar`, it may leave some of the index there.
   *
   * @throws CAR_TRUNCATED when the journal does not cover the sections, and as `indexCar`
   */
  async sealPart(request: SealRequest, { signal }: AbortOptions = {}): Promise<SealReport> {
    const job = { kind: 'seal', request, cancelled: sharedFlag() } as const
    return (await this.#run(job, { signal })) as SealReport
  }

  /** Calls off what is under way, and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { done } of this.#queue.splice(0)) done.reject(new ClosedError('the indexer'))
    const running = [...this.#busy.values()]
    for (const { job } of running) callOff(job)
    await Promise.allSettled(running.map(async task => task.done.promise))
    await Promise.all(this.#idle.splice(0).map(async worker => worker.terminate()))
  }

  async #run(job: WorkerJob, { signal }: AbortOptions): Promise<unknown> {
    signal?.throwIfAborted()
    if (this.#closed) throw new ClosedError('the indexer')
    const task = { job, done: Promise.withResolvers<unknown>() }
    const onAbort = (): void => this.#drop(task, signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#queue.push(task)
    this.#dispatch()
    await Promise.allSettled([task.done.promise])
    signal?.removeEventListener('abort', onAbort)
    signal?.throwIfAborted()
    return task.done.promise
  }

  /** Ends a task that waits its turn; one that a thread has is called off, and ends when that answers. */
  #drop(task: Task, reason: unknown): void {
    callOff(task.job)
    const place = this.#queue.indexOf(task)
    if (place < 0) return
    this.#queue.splice(place, 1)
    task.done.reject(reason)
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle.pop() ?? this.#start()
      const task = worker === undefined ? undefined : this.#queue.shift()
      if (worker === undefined || task === undefined) return
      this.#busy.set(worker, task)
      worker.ref()
      worker.postMessage(task.job)
    }
  }

  /** A new worker, unless there are `threads` of them. */
  #start(): Worker | undefined {
    if (this.#busy.size >= this.#threads) return undefined
    const file = import.meta.url.endsWith('.ts') ? './index-worker.ts' : './index-worker.js'
    const worker = new Worker(new URL(file, import.meta.url), threadOptions())
    worker.on('message', (answer: WorkerAnswer) => {
      const task = this.#free(worker)
      this.#idle.push(worker)
      worker.unref()
      if ('error' in answer) task?.done.reject(reviveError(answer.error))
      else task?.done.resolve(answer.report)
      this.#dispatch()
    })
    worker.on('error', error => this.#lose(worker, error))
    worker.on('exit', code => this.#lose(worker, new Error(`index worker ended with ${code}`)))
    return worker
  }

  #free(worker: Worker): Task | undefined {
    const task = this.#busy.get(worker)
    this.#busy.delete(worker)
    return task
  }

  /** A worker is gone; another takes its place when there is work. */
  #lose(worker: Worker, error: Error): void {
    this.#free(worker)?.done.reject(error)
    const place = this.#idle.indexOf(worker)
    if (place >= 0) this.#idle.splice(place, 1)
    this.#dispatch()
  }
}

function sharedFlag(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4))
}

function callOff(job: WorkerJob): void {
  Atomics.store(job.cancelled, 0, 1)
}
