import type { CID } from 'multiformats/cid'
import type { Block } from '../block.ts'
import { CodecInvalidError } from './errors.ts'

/** What the bytes of a block mean. Total: hostile bytes give a CODEC_INVALID and nothing else. */
export interface Codec {
  /** Number in the multicodec table. */
  readonly code: number
  readonly name: string
  /** @throws CODEC_INVALID when the bytes are not of this codec */
  readonly decode: (block: Block) => unknown
  /** @throws CODEC_INVALID when the codec cannot hold `node` */
  readonly encode: (node: unknown) => Uint8Array
  /**
   * The links in document order, repeated ones too; absent where a block of this codec never links.
   * They may be views into the block's bytes.
   *
   * @throws CODEC_INVALID when the bytes are not of this codec
   */
  readonly links?: (block: Block) => CID[]
}

/** A codec as its library has it: it throws what it likes. */
interface Format {
  readonly code: number
  readonly name: string
  readonly decode: (bytes: Uint8Array) => unknown
  readonly encode: (node: unknown) => Uint8Array
  readonly links?: (bytes: Uint8Array) => CID[]
}

/** Lists and maps may be nested this deep, inclusive: decoders recurse, and the stack ends. */
export const depthMax = 1024

/** The codec of a format: each way to fail is made a CODEC_INVALID that names the block. */
export function codecFor(format: Format): Codec {
  const { code, name, links } = format
  const read = <T>(block: Block, reader: (bytes: Uint8Array) => T): T => {
    return typed(`block ${block.cid}`, name, () => reader(block.bytes))
  }
  return {
    code,
    name,
    decode: block => read(block, format.decode),
    encode: node => typed('the value to encode', name, () => format.encode(node)),
    ...(links !== undefined && { links: (block: Block) => read(block, links) })
  }
}

function typed<T>(what: string, codec: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new CodecInvalidError(what, codec, { cause })
  }
}
