import { code, encode, name } from 'multiformats/codecs/json'
import { codecFor, type Codec } from './codec.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** JSON without links: what looks like one is data. */
export const json: Codec = codecFor({
  code,
  name,
  decode: bytes => JSON.parse(utf8.decode(bytes)),
  encode
})
