import { code, encode, name } from 'multiformats/codecs/raw'
import { codecFor, type Codec } from './codec.ts'

/** Bytes that mean themselves: the leaves of a file. */
export const raw: Codec = codecFor({
  code,
  name,
  decode: bytes => bytes,
  encode: node => encode(node as Uint8Array)
})
