import type { CarLayout } from '../car/header.ts'
import type { CarLimits } from '../car/limits.ts'

/** What a local index says of the shard that it belongs to; never exported with it. */
export interface PrivateFacts {
  readonly key: string
  /** URL of the mount. */
  readonly mount: string
  readonly id: number
  readonly generation: number
}

/** A `.cix` to write; the folder must be there. A file of that name is replaced in one step. */
interface CixTarget {
  readonly path: string
  readonly private: PrivateFacts
}

/** Index a CAR that somebody else wrote. */
export interface IndexRequest {
  readonly carPath: string
  readonly cix: CixTarget
  /** The repo's 128-bit secret, which keys the fingerprints. */
  readonly secret: Uint8Array
  readonly limits: CarLimits
}

/** Write the 0x0401 index of a part of our own at its seal, from its journal. */
export interface SealRequest {
  readonly partPath: string
  readonly partIndexPath: string
  /** Where the sections start in the part; offsets in the journal count from here. */
  readonly sectionsStart: number
  /** Bytes of the sections. The 0x0401 index is written right after them. */
  readonly sectionsBytes: number
  /** Of the CARv1 header that will stand right before the sections, its varint counted. */
  readonly headerLength: number
}

/** `CarLayout`, with roots that can cross between threads. */
export interface IndexedLayout extends Omit<CarLayout, 'roots'> {
  /** Binary CIDs. */
  readonly roots: readonly Uint8Array[]
}

export interface IndexReport {
  readonly layout: IndexedLayout
  /** Unique multihashes, identity ones not counted. */
  readonly blocks: number
  readonly sections: number
  /** Bytes of all sections' blocks, duplicates counted. */
  readonly dataBytes: number
  /** Sections whose CID carries its block. */
  readonly identities: number
  /** One for each unique multihash that is not an identity one, in no promised order. */
  readonly fingerprints: Float64Array
  /** Length of the `.cix`. */
  readonly cixBytes: number
}

export interface SealReport {
  /** Where the 0x0401 index begins in the part. */
  readonly indexOffset: number
  readonly indexBytes: number
}
