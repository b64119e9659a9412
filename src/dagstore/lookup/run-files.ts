import { once } from 'node:events'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { threadOptions } from '../cix/thread.ts'
import { type PlainError, reviveError } from '../cix/thread-errors.ts'
import type { Postings } from './postings.ts'
import { Run } from './run.ts'

/** A run to sort and write. */
export interface RunJob {
  readonly path: string
  readonly postings: Postings
}

export type RunAnswer = { readonly bytes: Uint8Array } | { readonly error: PlainError }

const runSuffix = '.run'

/**
 * Writes a run in a thread of its own; it is whole, durable and in memory when this resolves. The
 * postings go to the thread: they are empty here afterwards.
 */
export async function writeRun(job: RunJob): Promise<Run> {
  const file = import.meta.url.endsWith('.ts') ? './run-worker.ts' : './run-worker.js'
  const { fingerprints, seqs } = job.postings
  const worker = new Worker(new URL(file, import.meta.url), {
    ...threadOptions(),
    workerData: job,
    transferList: [fingerprints.buffer, seqs.buffer].filter(buffer => buffer instanceof ArrayBuffer)
  })
  // An error of the thread itself rejects this.
  const [answer] = (await once(worker, 'message')) as [RunAnswer]
  if ('error' in answer) throw reviveError(answer.error)
  const { buffer, byteOffset, length } = answer.bytes
  return new Run(Buffer.from(buffer, byteOffset, length))
}

/** @throws INDEX_CORRUPT, INDEX_UNSUPPORTED, and the system's own errors */
export async function readRun(path: string): Promise<Run> {
  return new Run(await readFile(path))
}

/** Makes the folder, and deletes what is in it but for the runs called `names`. */
export async function keepOnly(dir: string, names: ReadonlySet<string>): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const name of await readdir(dir)) {
    const ours = name.endsWith(runSuffix) || name.includes(`${runSuffix}.`)
    if (ours && !names.has(name)) await rm(join(dir, name))
  }
}

/** A name that no run had before. */
export function runName(): string {
  return `${crypto.randomUUID()}${runSuffix}`
}
