import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../abort.ts'
import type { Block } from '../../block.ts'

/** Where a session puts blocks, each once. Declared here by the one who writes; `dagstore` fits it. */
export interface BlockSink {
  /**
   * Takes a verified block and gives its ordinal, counted from 0 without gaps; one whose multihash is
   * here already is not written again. Resolves when more may be written.
   */
  append(block: Block): Promise<number>
  /** By multihash; undefined when it is not here. */
  ordinalOf(cid: CID): number | undefined
  /** A block that is here, verified. */
  get(cid: CID, options?: AbortOptions): Promise<Uint8Array>
  /** Length of a block that is here. */
  size(cid: CID, options?: AbortOptions): Promise<number>
}
