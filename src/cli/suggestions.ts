import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Peer } from '../node/index.ts'
import type { Session } from './session.ts'

/** Shards that are looked at for one with a folder in it. */
const shardsMax = 20

/**
 * Three commands that work as they stand, on a DAG that the peer serves: look at it, read a file of
 * it, bring it into a second repo over the network. None when nothing is served.
 */
export async function suggestions(session: Session, peer: Peer): Promise<string[]> {
  const { programName, homeRepo } = session.surroundings
  const isHome = session.repo === homeRepo
  const here = isHome ? programName : `${programName} --repo-dir ${quote(session.repo)}`
  const { root, file } = await example(peer)
  const provider = peer.addresses[0]
  if (root === undefined || provider === undefined) return []
  const second = `${programName} --repo-dir ${quote(join(tmpdir(), 'cardock-two'))}`
  return [
    file === undefined ? `${here} dag export ${root} > copy.car` : `${here} ls ${root}`,
    file === undefined ? `${here} dagstore list-shards` : `${here} cat ${quote(file)}`,
    `${second} fetch ${root} -o copy.car -p --providers ${provider}`
  ]
}

interface Example {
  readonly root?: string
  /** Path of a file below the root. */
  readonly file?: string
}

/** A root that is a folder with a file in it, else any root. */
async function example(peer: Peer): Promise<Example> {
  const { shards } = peer.dagstore.list({ limit: shardsMax })
  const roots = shards.flatMap(shard => shard.roots.map(String))
  for (const root of roots) {
    const name = await firstFile(peer, root)
    if (name !== undefined) return { root, file: `${root}/${name}` }
  }
  return roots[0] === undefined ? {} : { root: roots[0] }
}

async function firstFile(peer: Peer, path: string): Promise<string | undefined> {
  try {
    for await (const { name, type } of peer.ls(path, { offline: true })) {
      if (type === 'file') return name
    }
  } catch {
    // No folder, or not all here: no file to show.
  }
  return undefined
}

/** As a shell takes it. */
function quote(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
