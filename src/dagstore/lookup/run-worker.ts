import { parentPort, workerData } from 'node:worker_threads'
import { plainError } from '../cix/thread-errors.ts'
import { writeBeside } from '../cix/write-beside.ts'
import type { RunAnswer, RunJob } from './run-files.ts'
import { encodeRun } from './run-write.ts'

/** Writes one run, sends back its bytes, and ends. */
const { path, postings } = workerData as RunJob
const answer = answerTo()
parentPort?.postMessage(answer, 'bytes' in answer ? [answer.bytes.buffer as ArrayBuffer] : [])

function answerTo(): RunAnswer {
  try {
    const bytes = encodeRun(postings)
    writeBeside(path, write => write(bytes, 0))
    return { bytes }
  } catch (error) {
    return { error: plainError(error) }
  }
}
