/**
 * A `.cix` file: where each block of a CAR stands, searched in place. Little-endian throughout.
 *
 *     codec varint 0x300643, then from H on:
 *     header     u64 indexLength (from H to the end) | u16 version | u16 flags | u8 order | u8 dups
 *                u16 keys per node | u64 payloadBase | u64 payloadSize | u64 sectionCount
 *                u32 partCount | u32 CRC-32 of header (this field zero) and directory | 32 B digest
 *     directory  partCount x { u16 type | u16 0 | u32 p1 | u64 p0 | u64 offset from H | u64 length
 *                u64 count }, ascending by (type, p0, p1)
 *     parts      without gaps, in the directory's order
 *     trailer    u32 CRC-32 of all from H to here | "CIX1"
 *
 * BUCKET     p0 hash code, p1 digest length; records `digest | LOC` in the order of `tree.ts`
 * EXTRA      { u32 first ordinal | LOC }: further sections of a multihash, ascending
 * CHECK      p0, p1 of a BUCKET; one u32 CRC-32 for each of its nodes
 * PRIVATE    DAG-CBOR { key, mount, id, generation } of the store that wrote it
 */

/** 0x300643 as a varint, in multicodec's range for private use. */
export const codecBytes: Uint8Array = Uint8Array.of(0xc3, 0x8c, 0xc0, 0x01)
export const formatVersion = 1
export const trailerBytes = 8
/** "CIX1", read as a little-endian u32. */
export const trailerMagic = 0x31584943

export const partTypes = { bucket: 1, extra: 2, check: 7, private: 0x8000 } as const

/** Bits 0 to 7 are critical: a reader refuses those that it does not know. */
export const headerFlags = { complete: 1, sizes: 2, check: 0x100 } as const
/** Critical flags that the format has names for. */
export const knownCriticalFlags = 0x7f

/** How the sections follow one another. */
export const sectionOrders = { unknown: 0 } as const
/** Whether a block is in the CAR twice. */
export const duplicates = { no: 1, yes: 2 } as const
