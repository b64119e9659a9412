import { code, decode, encode, name, type PBNode } from '@ipld/dag-pb'
import { codecFor, type Codec } from './codec.ts'

/** Protobuf of UnixFS files and directories. https://ipld.io/specs/codecs/dag-pb/spec/ */
export const dagPb: Codec = codecFor({
  code,
  name,
  decode,
  encode: node => encode(node as PBNode),
  links: bytes => decode(bytes).Links.map(link => link.Hash)
})
