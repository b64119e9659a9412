import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import type { BlockSource } from '../block.ts'
import { inlineBytes } from '../block.ts'
import { isLeaf, linksOf } from '../codecs/index.ts'
import { encodeHeader, encodeSectionHead } from '../dagstore/index.ts'
import { BlockMissingError } from '../errors.ts'
import type { WalkLimits } from './frontier.ts'
import { Frontier } from './frontier.ts'

/** Smaller pieces are joined, so that a consumer handles fewer of them. */
const chunkBytes = 65_536

/**
 * The DAG under `root` as a CARv1: depth-first pre-order, each block once, identity blocks followed
 * but not written. A block that `get` does not give ends it with that error, never early.
 */
export function carOf(
  root: CID,
  get: (cid: CID) => Promise<Uint8Array>,
  limits: WalkLimits
): AsyncGenerator<Uint8Array> {
  return joined(piecesOf(root, get, limits))
}

async function* piecesOf(
  root: CID,
  get: (cid: CID) => Promise<Uint8Array>,
  limits: WalkLimits
): AsyncGenerator<Uint8Array> {
  yield encodeHeader([root])
  const frontier = new Frontier(root, limits)
  for (let cid = frontier.take(); cid !== undefined; cid = frontier.take()) {
    const bytes = await get(cid)
    frontier.descend(linksOf(cid, bytes))
    if (inlineBytes(cid) !== undefined) continue
    yield encodeSectionHead(cid, bytes.length)
    yield bytes
  }
}

async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let small: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces) {
    const isLarge = piece.length >= chunkBytes
    if (!isLarge) {
      small.push(piece)
      length += piece.length
    }
    if (isLarge || length >= chunkBytes) {
      yield Buffer.concat(small)
      small = []
      length = 0
    }
    if (isLarge) yield piece
  }
  yield Buffer.concat(small)
}

/** Size of a DAG that is all in one place, identity blocks not counted. */
export interface WholeDag {
  readonly blocks: number
  readonly bytes: number
}

/** Counts the DAG under `root` in `source`; undefined when a block of it is not there. */
export async function measureDag(
  root: CID,
  source: Pick<BlockSource, 'get' | 'size'>,
  options: AbortOptions & { readonly limits: WalkLimits }
): Promise<WholeDag | undefined> {
  const frontier = new Frontier(root, options.limits)
  let blocks = 0
  let bytes = 0
  try {
    for (let cid = frontier.take(); cid !== undefined; cid = frontier.take()) {
      const inline = inlineBytes(cid)
      if (inline === undefined) {
        blocks += 1
        bytes += await source.size(cid, options)
      }
      if (isLeaf(cid)) continue
      frontier.descend(linksOf(cid, inline ?? (await source.get(cid, options))))
    }
    return { blocks, bytes }
  } catch (error) {
    if (error instanceof BlockMissingError) return undefined
    throw error
  }
}
