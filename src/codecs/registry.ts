import type { CID } from 'multiformats/cid'
import { cbor } from './cbor.ts'
import type { Codec } from './codec.ts'
import { dagCbor } from './dag-cbor.ts'
import { dagJson } from './dag-json.ts'
import { dagPb } from './dag-pb.ts'
import { CodecUnknownError } from './errors.ts'
import { json } from './json.ts'
import { raw } from './raw.ts'

const codecs = new Map(
  [cbor, dagCbor, dagJson, dagPb, json, raw].map(codec => [codec.code, codec] as const)
)

/** The codec of a multicodec number; undefined when none is known. */
export function codecOf(code: number): Codec | undefined {
  return codecs.get(code)
}

/** True when no block of the CID's codec has links. @throws CODEC_UNKNOWN when nobody can say */
export function isLeaf(cid: CID): boolean {
  return knownCodec(cid).links === undefined
}

/**
 * What a block links to, in document order, repeated ones too. The CIDs may be views into `bytes`.
 *
 * @throws CODEC_UNKNOWN when nobody can say, CODEC_INVALID when the bytes do not decode
 */
export function linksOf(cid: CID, bytes: Uint8Array): CID[] {
  return knownCodec(cid).links?.({ cid, bytes }) ?? []
}

function knownCodec(cid: CID): Codec {
  const codec = codecs.get(cid.code)
  if (codec === undefined) throw new CodecUnknownError(cid)
  return codec
}
