import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where everything of a repo lies; docs/formats.md says what each is. */
export interface RepoLayout {
  readonly path: string
  readonly config: string
  readonly identity: string
  readonly token: string
  readonly lock: string
  readonly version: string
  /** Address of the running daemon's RPC; there only while it runs. */
  readonly api: string
  readonly datastore: string
}

export function layoutOf(path: string): RepoLayout {
  return {
    path,
    config: join(path, 'config.toml'),
    identity: join(path, 'identity.key'),
    token: join(path, 'token'),
    lock: join(path, 'lock.db'),
    version: join(path, 'version'),
    api: join(path, 'api'),
    datastore: join(path, 'datastore')
  }
}

/** Where the repo is when neither an option nor the environment names one. */
export function homeRepoPath(): string {
  return join(homedir(), '.cardock')
}
