import { mkdir } from 'node:fs/promises'
import type { PrivateKey } from '@libp2p/interface'
import { homeRepoPath, layoutOf, type RepoLayout } from '../repo-layout.ts'
import { setInToml } from './config-edit.ts'
import type { ProfileName } from './config-profiles.ts'
import { profiles } from './config-profiles.ts'
import type { PartialConfig } from './config.ts'
import { parseConfig, readConfigInput, renderConfig } from './config.ts'
import { readIfThere, writeDurable } from './durable-file.ts'
import { RepoVersionError } from './errors.ts'
import { loadIdentity, loadToken } from './identity.ts'
import { lockRepo } from './lock.ts'

/** A repo that this process holds the lock of. */
export interface Repo extends Disposable {
  readonly layout: RepoLayout
  readonly identity: PrivateKey
  /** What a client of the daemon's RPC shows to be let in. */
  readonly token: string
  /** What config.toml sets. */
  readonly config: PartialConfig
}

/** Counts up when an older Cardock could no longer read the repo. */
const repoVersion = 1

/** Where the repo is when no one says: $CARDOCK_PATH, else ~/.cardock. */
export function defaultRepoPath(): string {
  return process.env['CARDOCK_PATH'] || homeRepoPath()
}

/**
 * Opens the repo at `path` and holds its lock until it is disposed; makes what is missing, so that
 * an empty folder or none at all becomes a repo. `profile` counts only for a config.toml that is
 * made now.
 *
 * @throws REPO_LOCKED, REPO_VERSION, CONFIG_INVALID
 */
export async function openRepo(
  path: string,
  options: { profile?: ProfileName | undefined } = {}
): Promise<Repo> {
  const layout = layoutOf(path)
  await checkVersion(layout)
  await mkdir(path, { recursive: true })
  const lock = lockRepo(path, layout.lock)
  try {
    await mkdir(layout.datastore, { recursive: true })
    const config = await loadConfig(layout, options.profile)
    const identity = await loadIdentity(layout.identity)
    const token = await loadToken(layout.token)
    await writeVersion(layout)
    return { layout, identity, token, config, [Symbol.dispose]: () => lock[Symbol.dispose]() }
  } catch (error) {
    lock[Symbol.dispose]()
    throw error
  }
}

/** Whether there is a repo at `path`. Takes no lock. */
export async function isRepo(path: string): Promise<boolean> {
  return (await readIfThere(layoutOf(path).version)) !== undefined
}

/**
 * What the config.toml of a repo sets; nothing when there is none. Takes no lock.
 *
 * @throws CONFIG_INVALID
 */
export async function readConfig(layout: RepoLayout): Promise<PartialConfig> {
  const text = await readIfThere(layout.config)
  return parseConfig(text?.toString('utf8') ?? '')
}

/**
 * Sets one key in config.toml and keeps the rest of the file; a running daemon reads it at its next
 * start. `input` is JSON, or else text. Where there is no repo, one is made.
 *
 * @throws CONFIG_INVALID and leaves the file as it was
 */
export async function setConfig(layout: RepoLayout, path: string, input: string): Promise<void> {
  const value = readConfigInput(path, input)
  if (!(await isRepo(layout.path))) (await openRepo(layout.path))[Symbol.dispose]()
  const text = (await readIfThere(layout.config))?.toString('utf8') ?? ''
  await writeConfig(layout, setInToml(text, path, value))
}

async function checkVersion(layout: RepoLayout): Promise<void> {
  const found = (await readIfThere(layout.version))?.toString('utf8').trim()
  if (found === undefined || found === String(repoVersion)) return
  throw new RepoVersionError(layout.path, JSON.stringify(found), repoVersion)
}

/** Last of all, so that a repo with a version is whole. */
async function writeVersion(layout: RepoLayout): Promise<void> {
  if ((await readIfThere(layout.version)) !== undefined) return
  await writeDurable(layout.version, `${repoVersion}\n`, { mode: 0o644 })
}

async function loadConfig(
  layout: RepoLayout,
  profile: ProfileName | undefined
): Promise<PartialConfig> {
  const stored = await readIfThere(layout.config)
  if (stored !== undefined) return parseConfig(stored.toString('utf8'))
  const config = profile === undefined ? {} : profiles[profile]
  await writeConfig(layout, configHeader + renderConfig(config))
  return config
}

const configHeader = `# Only what differs from the defaults stands here: 'cardock config show' shows everything.
# 'cardock config set <key> <value>' changes one key and keeps the rest of this file.

`

async function writeConfig(layout: RepoLayout, text: string): Promise<void> {
  await writeDurable(layout.config, text, { mode: 0o644 })
}
