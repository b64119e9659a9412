import { crc32 } from 'node:zlib'
import { IndexCorruptError, IndexUnsupportedError } from '../errors.ts'
import { fingerprintBits } from './fingerprint.ts'
import {
  bucketBitsMax,
  checkedBytes,
  entriesStart,
  entryBitsMax,
  headCrc,
  restRange,
  runBytes,
  runCrcAt,
  runHeaderBytes,
  runMagic,
  type RunShape,
  runVersion
} from './run-format.ts'

/** A run in memory. */
export class Run {
  readonly #bytes: Buffer
  readonly #shape: RunShape
  readonly #fence: Uint32Array
  readonly #restRange: number
  readonly #seqRange: number
  readonly #start: number

  /**
   * Checks all sums.
   *
   * @throws INDEX_CORRUPT, INDEX_UNSUPPORTED
   */
  constructor(bytes: Buffer) {
    const shape = decodeShape(bytes)
    checkEntries(bytes, shape)
    this.#bytes = bytes
    this.#shape = shape
    this.#fence = decodeFence(bytes, shape)
    this.#restRange = restRange(shape)
    this.#seqRange = 2 ** shape.seqBits
    this.#start = entriesStart(shape)
  }

  get lo(): number {
    return this.#shape.lo
  }

  get hi(): number {
    return this.#shape.hi
  }

  get count(): number {
    return this.#shape.count
  }

  /** Calls `found` for every seq that has the fingerprint, ascending. */
  find(fingerprint: number, found: (seq: number) => void): void {
    const bucket = Math.floor(fingerprint / this.#restRange)
    const first = (fingerprint % this.#restRange) * this.#seqRange
    const end = this.#fence[bucket + 1]!
    for (let at = this.#lowerBound(first, this.#fence[bucket]!, end); at < end; at++) {
      const seq = this.#entryAt(at) - first
      if (seq >= this.#seqRange) return
      found(this.#shape.lo + seq)
    }
  }

  /** The first of the entries `from` to `to` that is not below `entry`. */
  #lowerBound(entry: number, from: number, to: number): number {
    let [low, high] = [from, to]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#entryAt(middle) < entry) low = middle + 1
      else high = middle
    }
    return low
  }

  #entryAt(index: number): number {
    const { entryBytes } = this.#shape
    const position = this.#start + index * entryBytes
    let entry = 0
    for (let byte = entryBytes - 1; byte >= 0; byte--) {
      entry = entry * 256 + this.#bytes[position + byte]!
    }
    return entry
  }
}

function decodeShape(bytes: Buffer): RunShape {
  if (bytes.length < runHeaderBytes) throw new IndexCorruptError('a run is cut short')
  if (bytes.readUInt32LE(0) !== runMagic) throw new IndexCorruptError('a run lacks "CDR1"')
  const version = bytes.readUInt16LE(4)
  if (version !== runVersion) throw new IndexUnsupportedError(`run of version ${version}`)
  const shape = {
    bucketBits: bytes.readUInt8(6),
    seqBits: bytes.readUInt8(7),
    entryBytes: bytes.readUInt8(8),
    lo: Number(bytes.readBigUInt64LE(16)),
    hi: Number(bytes.readBigUInt64LE(24)),
    count: Number(bytes.readBigUInt64LE(32))
  }
  const entryBits = fingerprintBits - shape.bucketBits + shape.seqBits
  if (
    shape.bucketBits > bucketBitsMax ||
    entryBits > entryBitsMax ||
    shape.entryBytes !== Math.ceil(entryBits / 8)
  ) {
    throw new IndexCorruptError('the shape of a run does not hold together')
  }
  if (bytes.length !== runBytes(shape)) throw new IndexCorruptError('a run is cut short')
  if (headCrc(bytes, shape) !== bytes.readUInt32LE(runCrcAt)) {
    throw new IndexCorruptError('the sum of the header of a run does not match')
  }
  return shape
}

function decodeFence(bytes: Buffer, { bucketBits }: RunShape): Uint32Array {
  const fence = new Uint32Array(2 ** bucketBits + 1)
  return fence.map((_, bucket) => bytes.readUInt32LE(runHeaderBytes + 4 * bucket))
}

function checkEntries(bytes: Buffer, shape: RunShape): void {
  const start = entriesStart(shape)
  const end = start + shape.count * shape.entryBytes
  let check = end
  for (let from = start; from < end; from += checkedBytes) {
    const sum = crc32(bytes.subarray(from, Math.min(from + checkedBytes, end)))
    if (sum !== bytes.readUInt32LE(check)) {
      throw new IndexCorruptError(`the sum of the entries of a run at ${from} does not match`)
    }
    check += 4
  }
}
