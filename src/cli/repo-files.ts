import { readFile } from 'node:fs/promises'
import { layoutOf } from '../repo-layout.ts'

/** How a running daemon can be reached. */
export interface DaemonFiles {
  /** Address of its RPC. */
  readonly api: string | undefined
  readonly token: string | undefined
}

/** What a daemon left in its repo for its clients. */
export async function readDaemonFiles(repo: string): Promise<DaemonFiles> {
  const layout = layoutOf(repo)
  const [api, token] = await Promise.all([readText(layout.api), readText(layout.token)])
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
