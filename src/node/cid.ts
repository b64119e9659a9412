import { CID } from 'multiformats/cid'
import { CidInvalidError } from './errors.ts'

/** A CID out of text that a person gave, with or without /ipfs/ before it. @throws CID_INVALID */
export function parseCid(text: string): CID {
  try {
    return CID.parse(text.replace(/^\/ipfs\//, ''))
  } catch (cause) {
    throw new CidInvalidError(text, { cause })
  }
}

/** Where something lies below a root. */
export interface DagPath {
  readonly root: CID
  readonly names: readonly string[]
}

/** `<cid>/a/b` or `/ipfs/<cid>/a/b`; empty names are left out. @throws CID_INVALID */
export function parsePath(text: string): DagPath {
  const [root = '', ...names] = text
    .replace(/^\/ipfs\//, '')
    .split('/')
    .filter((name, at) => at === 0 || name !== '')
  return { root: parseCid(root), names }
}
