import { crc32 } from 'node:zlib'
import type { AbortOptions } from '../../abort.ts'
import { IndexCorruptError } from '../errors.ts'
import { decodeLocation, type Location } from './location.ts'
import { type ReadAtAsync, readFully } from './read-fully.ts'
import { childOf, keysIn, nodeCountOf, type TreeShape } from './tree.ts'

/** Records of one bucket, one after the other: `digest | LOC`, `width` bytes each. */
export interface RecordBatch {
  readonly hashCode: number
  readonly digestLength: number
  readonly width: number
  readonly records: Buffer
}

/** Where a bucket and its sums stand; positions are absolute. */
export interface BucketPlace {
  readonly hashCode: number
  readonly digestLength: number
  readonly width: number
  readonly shape: TreeShape
  readonly position: number
  /** Absent in indices of others: their nodes are not checked. */
  readonly checksPosition: number | undefined
}

/** Bytes of records read at once where all are gone through. */
const batchBytes = 256 * 1024
/** Sums read at once: a page of them covers 1,024 nodes. */
const checksPerPage = 1024
/** Pages of sums kept: those of 1 M blocks with room to spare. */
const pagesMax = 32

/** The records of one hash function and digest length, as a search tree in the file. */
export class Bucket {
  readonly hashCode: number
  readonly digestLength: number
  readonly #read: ReadAtAsync
  readonly #place: BucketPlace
  /** Every search begins there. */
  #root: Buffer | undefined
  /** Least recently used first. */
  readonly #pages = new Map<number, Buffer>()

  constructor(read: ReadAtAsync, place: BucketPlace) {
    this.hashCode = place.hashCode
    this.digestLength = place.digestLength
    this.#read = read
    this.#place = place
  }

  /** Unique multihashes in it. */
  get count(): number {
    return this.#place.shape.count
  }

  /** @throws INDEX_CORRUPT */
  async find(digest: Uint8Array, { signal }: AbortOptions): Promise<Location | undefined> {
    const { shape } = this.#place
    const nodes = nodeCountOf(shape)
    for (let node = 0; node < nodes;) {
      signal?.throwIfAborted()
      const records = node === 0 ? await this.#readRoot() : await this.#readNodes(node, 1)
      const { slot, found } = this.#search(records, digest)
      if (found) return this.#locationAt(records, slot)
      node = childOf(shape, node, slot)
    }
    return undefined
  }

  /** All records in the order of the file. @throws INDEX_CORRUPT */
  async *batches({ signal }: AbortOptions): AsyncGenerator<RecordBatch> {
    const { hashCode, digestLength, width, shape } = this.#place
    const nodes = nodeCountOf(shape)
    const nodesEach = Math.max(1, Math.floor(batchBytes / (shape.keysPerNode * width)))
    for (let node = 0; node < nodes; node += nodesEach) {
      signal?.throwIfAborted()
      const records = await this.#readNodes(node, Math.min(nodesEach, nodes - node))
      yield { hashCode, digestLength, width, records }
    }
  }

  async #readRoot(): Promise<Buffer> {
    this.#root ??= await this.#readNodes(0, 1)
    return this.#root
  }

  /** Nodes that follow one another, each checked. */
  async #readNodes(first: number, count: number): Promise<Buffer> {
    const { shape, width, position } = this.#place
    const nodeBytes = shape.keysPerNode * width
    const length = (count - 1) * nodeBytes + keysIn(shape, first + count - 1) * width
    const bytes = await readFully(this.#read, position + first * nodeBytes, length)
    for (let node = first; node < first + count; node++) {
      const from = (node - first) * nodeBytes
      const check = await this.#checkOf(node)
      if (check !== undefined && crc32(bytes.subarray(from, from + nodeBytes)) !== check) {
        throw new IndexCorruptError(`the sum of search node ${node} does not match`)
      }
    }
    return bytes
  }

  /** The first slot whose digest is not below `digest`. */
  #search(records: Buffer, digest: Uint8Array): { slot: number; found: boolean } {
    const { width, digestLength } = this.#place
    let from = 0
    let to = records.length / width
    while (from < to) {
      const middle = (from + to) >>> 1
      const at = middle * width
      const order = records.compare(digest, 0, digestLength, at, at + digestLength)
      if (order === 0) return { slot: middle, found: true }
      if (order < 0) from = middle + 1
      else to = middle
    }
    return { slot: from, found: false }
  }

  #locationAt(records: Buffer, slot: number): Location {
    const { width, digestLength } = this.#place
    const view = new DataView(records.buffer, records.byteOffset, records.length)
    return decodeLocation(view, slot * width + digestLength)
  }

  async #checkOf(node: number): Promise<number | undefined> {
    const { checksPosition } = this.#place
    if (checksPosition === undefined) return undefined
    const page = Math.floor(node / checksPerPage)
    const checks = this.#pages.get(page) ?? (await this.#readPage(page, checksPosition))
    this.#pages.delete(page)
    this.#pages.set(page, checks)
    return checks.readUInt32LE((node - page * checksPerPage) * 4)
  }

  async #readPage(page: number, checksPosition: number): Promise<Buffer> {
    const first = page * checksPerPage
    const count = Math.min(checksPerPage, nodeCountOf(this.#place.shape) - first)
    const oldest = this.#pages.keys().next()
    if (this.#pages.size >= pagesMax && !oldest.done) this.#pages.delete(oldest.value)
    return readFully(this.#read, checksPosition + first * 4, count * 4)
  }
}
