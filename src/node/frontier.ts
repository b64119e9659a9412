import { CID } from 'multiformats/cid'
import { LimitExceededError } from '../errors.ts'
import { CidSet } from './cid-set.ts'

/** Bounds of one walk. */
export interface WalkLimits {
  /** Different blocks in the DAG, inclusive. */
  readonly blocksMax: number
  /** Bytes of the CIDs that are known and not yet followed, inclusive. */
  readonly pendingBytesMax: number
}

/**
 * What is left of a walk in depth-first pre-order, each block once. Links are kept as packed bytes,
 * so that none holds on to its block; a level whose last link was taken is dropped before that link
 * is followed, so that a chain of any depth costs one level.
 */
export class Frontier {
  readonly #seen = new CidSet()
  readonly #levels: Uint8Array[] = []
  readonly #limits: WalkLimits
  #pendingBytes = 0

  constructor(root: CID, limits: WalkLimits) {
    this.#limits = limits
    this.descend([root])
  }

  /** The next block that was not taken before; undefined at the end. @throws LIMIT_EXCEEDED */
  take(): CID | undefined {
    for (let level = this.#levels.pop(); level !== undefined; level = this.#levels.pop()) {
      const [cid, rest] = CID.decodeFirst(level)
      this.#pendingBytes -= level.length - rest.length
      if (rest.length > 0) this.#levels.push(rest)
      if (this.#isNew(cid)) return cid
    }
    return undefined
  }

  /** Goes on with the links of the block that was taken last. @throws LIMIT_EXCEEDED */
  descend(links: readonly CID[]): void {
    if (links.length === 0) return
    const packed = Buffer.concat(links.map(link => link.bytes))
    this.#pendingBytes += packed.length
    const max = this.#limits.pendingBytesMax
    if (this.#pendingBytes > max) {
      throw new LimitExceededError('bytes of links not yet followed', max, 'Walk.MaxPending')
    }
    this.#levels.push(packed)
  }

  #isNew(cid: CID): boolean {
    if (!this.#seen.add(cid)) return false
    const max = this.#limits.blocksMax
    if (this.#seen.size <= max) return true
    throw new LimitExceededError('blocks of one DAG', max, 'Walk.MaxBlocks')
  }
}
