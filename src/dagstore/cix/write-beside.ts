import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { WriteAt } from './node-writer.ts'

/**
 * Makes the file at `path` whole or not at all: what `fill` writes goes beside it, is synced, takes
 * its name, and the folder is synced. Returns what `fill` does. A file left by a crash is called `*.tmp`.
 *
 * Blocks the thread: for workers.
 */
export function writeBeside<T>(path: string, fill: (write: WriteAt) => T): T {
  const beside = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const result = withFile(beside, 'wx', fd => {
      const filled = fill(fileWriteAt(fd))
      fsyncSync(fd)
      return filled
    })
    renameSync(beside, path)
    syncFolder(dirname(path))
    return result
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
}

/** Opens `path`, and closes it whatever happens. */
export function withFile<T>(path: string, flags: string, use: (fd: number) => T): T {
  const fd = openSync(path, flags)
  try {
    return use(fd)
  } finally {
    closeSync(fd)
  }
}

/** Positional writes of an open file. */
export function fileWriteAt(fd: number): WriteAt {
  return (bytes, position) => {
    for (let done = 0; done < bytes.length;) {
      done += writeSync(fd, bytes, done, bytes.length - done, position + done)
    }
  }
}

/** Makes a rename in `folder` durable. Windows has no such call and needs none. */
function syncFolder(folder: string): void {
  if (process.platform !== 'win32') withFile(folder, 'r', fsyncSync)
}
