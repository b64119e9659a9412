const MiB = 1024 * 1024

/** How much a CAR, or the index in it, may ask of its reader. Sizes in bytes, inclusive. */
export interface CarLimits {
  /** Longest CARv1 header, its length varint not counted. */
  readonly headerBytesMax: number
  /** Longest section: CID and block, its length varint not counted. */
  readonly sectionBytesMax: number
  /** Longest CID of a section. At least 64. */
  readonly cidBytesMax: number
  /** A section of zero length ends the payload, as in padded Filecoin pieces, and is no error. */
  readonly zeroLengthSectionAsEof: boolean
  /** Widest entry of a CARv2 index: digest and 8 bytes of offset. */
  readonly indexEntryBytesMax: number
  /** Most buckets, one for each (hash code, digest length), of a CARv2 index. */
  readonly indexBucketsMax: number
}

/** The limits of go-car, so that what one of the two reads the other reads too. */
export const carLimitDefaults: CarLimits = {
  headerBytesMax: 32 * MiB,
  sectionBytesMax: 8 * MiB,
  cidBytesMax: 2048,
  zeroLengthSectionAsEof: false,
  indexEntryBytesMax: 32 * MiB,
  indexBucketsMax: 4096
}
