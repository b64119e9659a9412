/** How much an index may ask of its reader. Sizes in bytes, inclusive. */
export interface CixLimits {
  /** Longest index: 1 GiB is right for those of others; our own are as long as their CAR asks. */
  readonly indexBytesMax: number
  readonly partsMax: number
  /** Longest search node: it is read at once. */
  readonly nodeBytesMax: number
  /** Longest PRIVATE part: it is read at open. */
  readonly privateBytesMax: number
  /** Most sections that `find` returns of one multihash. */
  readonly locationsMax: number
}

export const cixLimitDefaults: CixLimits = {
  indexBytesMax: Number.MAX_SAFE_INTEGER,
  partsMax: 4096,
  nodeBytesMax: 64 * 1024,
  privateBytesMax: 64 * 1024,
  locationsMax: 64
}
