/** Where a section stands in its CAR, and what its CID adds to the multihash. */
export interface Location {
  /** Of the section's length varint, from `payloadBase`. */
  readonly offset: number
  /** Bytes of the block. */
  readonly dataLength: number
  /** Bytes of the length varint and the CID: the block begins at `offset + headLength`. */
  readonly headLength: number
  /** Bits of `locationFlags`. */
  readonly flags: number
  readonly codec: number
  /** Number of the section in its CAR, from 0. */
  readonly ordinal: number
}

/** `more`: EXTRA has further sections of the multihash. `root`: the CID is one of the header's. */
export const locationFlags = { cidV0: 1, identity: 2, more: 4, root: 8 } as const

/**
 * Bytes of a LOC: u64 offset | u32 dataLength | u16 headLength | u8 flags | u8 0 | u32 codec |
 * u32 ordinal, little-endian.
 */
export const locationBytes = 24
/** Where the flags stand in a LOC. */
export const flagsAt = 14

const high = 0x1_0000_0000

/** Writes a LOC at `position` of `view`. Fields one by one, as a build writes millions. */
export function encodeLocation(view: DataView, position: number, location: Location): void {
  view.setUint32(position, location.offset >>> 0, true)
  view.setUint32(position + 4, Math.floor(location.offset / high), true)
  view.setUint32(position + 8, location.dataLength, true)
  view.setUint16(position + 12, location.headLength, true)
  view.setUint8(position + flagsAt, location.flags)
  view.setUint8(position + 15, 0)
  view.setUint32(position + 16, location.codec, true)
  view.setUint32(position + 20, location.ordinal, true)
}

export function decodeLocation(view: DataView, position: number): Location {
  return {
    offset: view.getUint32(position, true) + view.getUint32(position + 4, true) * high,
    dataLength: view.getUint32(position + 8, true),
    headLength: view.getUint16(position + 12, true),
    flags: view.getUint8(position + flagsAt),
    codec: view.getUint32(position + 16, true),
    ordinal: view.getUint32(position + 20, true)
  }
}
