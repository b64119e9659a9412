import { code, decode, encode, name } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { codecFor, depthMax, type Codec } from './codec.ts'

/** CBOR with links as tag 42. https://ipld.io/specs/codecs/dag-cbor/spec/ */
export const dagCbor: Codec = codecFor({
  code,
  name,
  decode: bytes => {
    scan(bytes)
    return decode(bytes)
  },
  encode,
  links: scan
})

/**
 * The links, found without building the value: an object of JavaScript would not keep the order of
 * keys like "10" and "9". Checks that the bytes are one item, whole, of definite lengths; what only
 * a strict decoder minds (longer heads than needed, the order of keys) does not stop a walk, as it
 * does not stop the one of kubo.
 */
function scan(bytes: Uint8Array): CID[] {
  const items = new Items(bytes)
  const links: CID[] = []
  /** How many items are still to come in each open list or map; the outermost holds one. */
  const open = [1]
  while (open.length > 0) {
    const left = open.pop() ?? 0
    if (left === 0) continue
    open.push(left - 1)
    const { major, argument } = items.head()
    if (major === Major.bytes || major === Major.text) items.take(argument)
    if (major === Major.list) open.push(argument)
    if (major === Major.map) open.push(argument * 2)
    if (major === Major.tag) links.push(items.link(argument))
    if (open.length > depthMax + 1) throw new Error(`nested deeper than ${depthMax}`)
  }
  items.end()
  return links
}

const Major = { bytes: 2, text: 3, list: 4, map: 5, tag: 6, simple: 7 } as const
const linkTag = 42

/** Heads and contents of CBOR items, one after another. RFC 8949 section 3. */
class Items {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  head(): { major: number; argument: number } {
    const initial = this.#view.getUint8(this.#position++)
    const major = initial >> 5
    const minor = initial & 31
    if (minor > 27) throw new Error('an item of indefinite or reserved length')
    if (major === Major.simple && (minor < 20 || minor === 24)) {
      throw new Error(`simple value ${minor} is not of the data model`)
    }
    return { major, argument: minor < 24 ? minor : this.#uint(1 << (minor - 24)) }
  }

  take(length: number): Uint8Array {
    const end = this.#position + length
    if (end > this.#bytes.length) throw new Error('ends inside an item')
    const taken = this.#bytes.subarray(this.#position, end)
    this.#position = end
    return taken
  }

  link(tag: number): CID {
    if (tag !== linkTag) throw new Error(`tag ${tag} is not of the data model`)
    const { major, argument } = this.head()
    const content = major === Major.bytes ? this.take(argument) : undefined
    if (content?.[0] !== 0) throw new Error('a link is not bytes that begin with zero')
    return CID.decode(content.subarray(1))
  }

  end(): void {
    if (this.#position < this.#bytes.length) throw new Error('bytes follow the value')
  }

  #uint(width: number): number {
    const at = this.#position
    this.take(width)
    if (width === 1) return this.#view.getUint8(at)
    if (width === 2) return this.#view.getUint16(at)
    if (width === 4) return this.#view.getUint32(at)
    return this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4)
  }
}
