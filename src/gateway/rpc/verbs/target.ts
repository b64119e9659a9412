import type { CID } from 'multiformats/cid'
import type { Peer, ReadOptions } from '../../../node/index.ts'
import { LinkNotFoundError } from '../../errors.ts'
import { loadNode } from '../../node.ts'

/**
 * The CID that `<cid>`, `<cid>/a/b` or `/ipfs/<cid>/a/b` names.
 *
 * @throws CID_INVALID, PATH_NOT_FOUND, NOT_A_DIRECTORY
 */
export async function targetOf(peer: Peer, path: string, options: ReadOptions): Promise<CID> {
  const names = path
    .replace(/^\/ipfs\//, '')
    .split('/')
    .filter(name => name !== '')
  const name = names.pop()
  if (name === undefined || names.length === 0) return cidOf(name ?? path)
  const folder = names.join('/')
  for await (const entry of peer.ls(folder, options)) if (entry.name === name) return entry.cid
  throw new LinkNotFoundError(folder, name)
}

/** @throws CID_INVALID */
export async function cidOf(text: string): Promise<CID> {
  const { parseCid } = await loadNode()
  return parseCid(text)
}
