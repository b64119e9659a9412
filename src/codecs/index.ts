export type { Codec } from './codec.ts'
export { CodecInvalidError, CodecUnknownError } from './errors.ts'
export { codecOf, isLeaf, linksOf } from './registry.ts'
