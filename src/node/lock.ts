import { DatabaseSync } from 'node:sqlite'
import { RepoLockedError } from './errors.ts'

/** SQLITE_BUSY: somebody else holds the lock. */
const busy = 5

/**
 * Takes the lock of a repo: an exclusive transaction on `lock.db`, held until it is disposed. The
 * operating system ends it with the process, however that ends; a PID file would stay behind and
 * two readers of a stale one would race.
 *
 * @throws REPO_LOCKED when another process, or this one, holds it
 */
export function lockRepo(repoPath: string, lockPath: string): Disposable {
  const database = new DatabaseSync(lockPath, { timeout: 0 })
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (isBusy(cause)) throw new RepoLockedError(repoPath, { cause })
    throw cause
  }
  return database
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === busy
}
