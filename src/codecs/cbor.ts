import { decode, encode } from 'cborg'
import { codecFor, type Codec } from './codec.ts'

/** CBOR without links: a tag 42 in it is not one. */
export const cbor: Codec = codecFor({ code: 0x51, name: 'cbor', decode, encode })
