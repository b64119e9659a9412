import { parentPort, workerData } from 'node:worker_threads'
import { Applier, failure } from './apply.ts'
import type { Operation, Outcome } from './operations.ts'
import { openWriter } from './schema.ts'

/** What the worker is sent: a batch, or the wish to end. */
export type WriterRequest = { readonly batch: readonly Operation[] } | { readonly close: true }

/** What it answers to a batch: an outcome for each operation, or that the whole failed. */
export type WriterReply =
  | { readonly type: 'done'; readonly outcomes: readonly Outcome[] }
  | { readonly type: 'failed'; readonly failure: Outcome & { ok: false } }

const port = parentPort
if (port === null) throw new Error('runs as a worker only')

const db = openWriter((workerData as { path: string }).path)
const applier = new Applier(db)

port.on('message', (request: WriterRequest) => {
  if ('close' in request) {
    db.close()
    port.close()
    return
  }
  port.postMessage(run(request.batch))
})
port.postMessage('opened')

function run(batch: readonly Operation[]): WriterReply {
  try {
    return { type: 'done', outcomes: applier.run(batch) }
  } catch (error) {
    return { type: 'failed', failure: failure(error) }
  }
}
