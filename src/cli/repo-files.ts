import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How a running daemon can be reached. */
export interface DaemonFiles {
  /** Address of its RPC. */
  readonly api: string | undefined
  readonly token: string | undefined
}

/**
 * What a daemon left in its repo for its clients. The names are those of `layoutOf` of the room
 * `node`, which is not loaded for this: most of a command's time would be the start.
 */
export async function readDaemonFiles(repo: string): Promise<DaemonFiles> {
  const [api, token] = await Promise.all([
    readText(join(repo, 'api')),
    readText(join(repo, 'token'))
  ])
  return { api, token }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
