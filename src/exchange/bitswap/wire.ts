import type { StreamBytes } from '../stream.ts'

/** Blocks and their bytes. */
export interface BlockCount {
  readonly blocks: number
  readonly bytes: number
}

const payloadField = 3
const dataField = 2
const lengthDelimited = 2

/**
 * Counts the blocks in one framed message that we made ourselves, without copying any: `payload`
 * and, in it, `data` of bitswap 1.2.0, https://specs.ipfs.tech/bitswap-protocol/.
 */
export function countBlocks(frame: StreamBytes): BlockCount {
  const reader = new FieldReader(frame, 0, frame.byteLength)
  reader.varint()
  let blocks = 0
  let bytes = 0
  for (const field of reader.fields()) {
    if (field.number !== payloadField) continue
    blocks += 1
    for (const inner of new FieldReader(frame, field.start, field.end).fields()) {
      if (inner.number === dataField) bytes += inner.end - inner.start
    }
  }
  return { blocks, bytes }
}

interface Field {
  readonly number: number
  readonly start: number
  readonly end: number
}

/** Walks the length-delimited fields of a protobuf message; varints between them are stepped over. */
class FieldReader {
  readonly #bytes: StreamBytes
  readonly #end: number
  #position: number

  constructor(bytes: StreamBytes, start: number, end: number) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
  }

  *fields(): Generator<Field> {
    while (this.#position < this.#end) {
      const tag = this.varint()
      const length = this.varint()
      if ((tag & 7) !== lengthDelimited) continue
      const start = this.#position
      this.#position += length
      yield { number: tag >>> 3, start, end: this.#position }
    }
  }

  varint(): number {
    let value = 0
    for (let scale = 1; this.#position < this.#end; scale *= 128) {
      const byte = this.#byteAt(this.#position++)
      value += (byte & 127) * scale
      if (byte < 128) break
    }
    return value
  }

  #byteAt(position: number): number {
    const bytes = this.#bytes
    return (bytes instanceof Uint8Array ? bytes[position] : bytes.get(position)) ?? 0
  }
}
