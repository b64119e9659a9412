import { parentPort } from 'node:worker_threads'
import { ClosedError } from '../../errors.ts'
import type { IndexRequest, SealRequest } from './jobs.ts'
import { indexCar, sealPart } from './tasks.ts'
import { plainError, type PlainError } from './thread-errors.ts'

/** One job for the worker; it does one at a time. */
export type WorkerJob = {
  /** One shared i32: not zero once the job is called off. */
  readonly cancelled: Int32Array
} & (
  | { readonly kind: 'index'; readonly request: IndexRequest }
  | { readonly kind: 'seal'; readonly request: SealRequest }
)

/** How the job ended. */
export type WorkerAnswer = { readonly report: unknown } | { readonly error: PlainError }

const port = parentPort
if (port === null) throw new Error('index-worker.ts runs in a worker thread')

port.on('message', (job: WorkerJob) => {
  const checkpoint = (): void => {
    // Who called a single job off has its own reason already.
    if (Atomics.load(job.cancelled, 0) !== 0) throw new ClosedError('the indexer')
  }
  try {
    checkpoint()
    if (job.kind === 'index') {
      const report = indexCar(job.request, checkpoint)
      const { buffer } = report.fingerprints
      port.postMessage({ report } satisfies WorkerAnswer, [buffer as ArrayBuffer])
    } else {
      const report = sealPart(job.request, checkpoint)
      port.postMessage({ report } satisfies WorkerAnswer)
    }
  } catch (error) {
    port.postMessage({ error: plainError(error) } satisfies WorkerAnswer)
  }
})
