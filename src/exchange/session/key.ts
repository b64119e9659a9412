import type { CID } from 'multiformats/cid'

/** A key for maps that are used for every block: `toString` takes ten times as long. */
export function cidKey(cid: CID): string {
  return latin1(cid.bytes)
}

/** The same for CIDs of the same bytes under any codec. */
export function multihashKey({ multihash }: CID): string {
  return latin1(multihash.bytes)
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
}
