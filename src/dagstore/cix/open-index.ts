import * as dagCbor from '@ipld/dag-cbor'
import { IndexCorruptError, IndexUnsupportedError } from '../errors.ts'
import { Bucket } from './bucket.ts'
import { codecBytes, headerFlags, partTypes, trailerBytes, trailerMagic } from './format.ts'
import { type CixHeader, decodeHead, headBytesOf, headerBytes, type Part } from './head.ts'
import type { PrivateFacts } from './jobs.ts'
import type { CixLimits } from './limits.ts'
import { locationBytes } from './location.ts'
import { type ReadAtAsync, readFully } from './read-fully.ts'
import { digestBytesMax } from './records.ts'
import { type ExtraPlace, repeatBytes } from './repeats.ts'
import { nodeCountOf } from './tree.ts'

/** Read first: header and directory of nearly every index fit. */
const firstReadBytes = 4096

/** The file of an index, and what may be read of it. */
export interface IndexFile {
  readonly read: ReadAtAsync
  readonly size: number
  readonly limits: CixLimits
}

/** What is kept of an index to search it. */
export interface OpenIndex {
  readonly header: CixHeader
  readonly buckets: readonly Bucket[]
  readonly extra: ExtraPlace | undefined
  readonly private: PrivateFacts | undefined
}

/** @throws INDEX_CORRUPT, INDEX_UNSUPPORTED */
export async function openIndex(file: IndexFile): Promise<OpenIndex> {
  const { header, parts } = decodeHead(await readHead(file))
  if ((header.flags & headerFlags.sizes) === 0) {
    throw new IndexUnsupportedError('it does not state the size of its payload')
  }
  const buckets = parts
    .filter(part => part.type === partTypes.bucket)
    .map(part => bucketAt(part, { file, parts, keysPerNode: header.keysPerNode }))
  const own = parts.find(part => part.type === partTypes.private)
  await checkTrailer(file)
  return {
    header,
    buckets,
    extra: extraIn(parts),
    private: own === undefined ? undefined : await readPrivate(file, own)
  }
}

async function readHead({ read, size, limits }: IndexFile): Promise<Buffer> {
  if (size > limits.indexBytesMax) {
    throw new IndexUnsupportedError(`${size} bytes, over ${limits.indexBytesMax}`)
  }
  const start = codecBytes.length
  if (size < start + headerBytes + trailerBytes) throw new IndexCorruptError('it is cut short')
  const first = await readFully(read, 0, Math.min(size, firstReadBytes))
  if (!first.subarray(0, start).equals(codecBytes)) {
    throw new IndexCorruptError('it does not begin with the codec 0x300643')
  }
  const { partsMax } = limits
  const length = headBytesOf(first.subarray(start), { indexLength: size - start, partsMax })
  if (start + length <= first.length) return first.subarray(start, start + length)
  return readFully(read, start, length)
}

async function checkTrailer({ read, size }: IndexFile): Promise<void> {
  const trailer = await readFully(read, size - trailerBytes, trailerBytes)
  if (trailer.readUInt32LE(4) !== trailerMagic) throw new IndexCorruptError('its end is not "CIX1"')
}

async function readPrivate(
  { read, limits }: IndexFile,
  { offset, length }: Part
): Promise<PrivateFacts> {
  if (length > limits.privateBytesMax) {
    throw new IndexUnsupportedError(`${length} private bytes, over ${limits.privateBytesMax}`)
  }
  return decodePrivate(await readFully(read, codecBytes.length + offset, length))
}

/** A bucket must have whole records, and nodes that may be read at once. */
function bucketAt(
  part: Part,
  { file, parts, keysPerNode }: { file: IndexFile; parts: readonly Part[]; keysPerNode: number }
): Bucket {
  const width = part.p1 + locationBytes
  if (part.p1 > digestBytesMax || keysPerNode * width > file.limits.nodeBytesMax) {
    throw new IndexUnsupportedError(`search nodes of ${keysPerNode} records of ${width} bytes`)
  }
  if (keysPerNode === 0 || part.length !== part.count * width) {
    throw new IndexCorruptError('a bucket is not made of whole records')
  }
  const shape = { count: part.count, keysPerNode }
  const check = parts.find(
    each => each.type === partTypes.check && each.p0 === part.p0 && each.p1 === part.p1
  )
  if (check !== undefined && check.length !== nodeCountOf(shape) * 4) {
    throw new IndexCorruptError('a bucket has more or fewer nodes than sums')
  }
  return new Bucket(file.read, {
    hashCode: part.p0,
    digestLength: part.p1,
    width,
    shape,
    position: codecBytes.length + part.offset,
    checksPosition: check === undefined ? undefined : codecBytes.length + check.offset
  })
}

function extraIn(parts: readonly Part[]): ExtraPlace | undefined {
  const part = parts.find(each => each.type === partTypes.extra)
  if (part === undefined) return undefined
  if (part.length !== part.count * repeatBytes) {
    throw new IndexCorruptError('EXTRA is not made of whole records')
  }
  return { position: codecBytes.length + part.offset, count: part.count }
}

function decodePrivate(bytes: Uint8Array): PrivateFacts {
  const facts = decodeCbor(bytes)
  if (!isPrivateFacts(facts)) throw new IndexCorruptError('its private part lacks a field')
  return facts
}

function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return dagCbor.decode(bytes)
  } catch (cause) {
    throw new IndexCorruptError('its private part is not DAG-CBOR', { cause })
  }
}

function isPrivateFacts(facts: unknown): facts is PrivateFacts {
  if (typeof facts !== 'object' || facts === null) return false
  const { key, mount, id, generation } = facts as Partial<Record<keyof PrivateFacts, unknown>>
  return (
    typeof key === 'string' &&
    typeof mount === 'string' &&
    Number.isSafeInteger(id) &&
    Number.isSafeInteger(generation)
  )
}
