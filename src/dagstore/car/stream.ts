import type { CID } from 'multiformats/cid'
import type { Block } from '../../block.ts'
import { CarTruncatedError } from '../errors.ts'
import { ByteQueue } from './byte-queue.ts'
import { decodeV2Header, pragmaBytes, v2HeaderBytes } from './header.ts'
import { decodeHeader, decodeHeaderLength, payloadRoots } from './header-decode.ts'
import type { CarHeader } from './header-decode.ts'
import type { CarLimits } from './limits.ts'
import { checkSectionLength } from './section-head.ts'
import { decodeSection } from './section.ts'
import { VarintReader, varintBytesMax } from './varint.ts'

/*
 * A CAR that comes in pieces and cannot be sought in: stdin, an upload. Read by the same rules as a
 * file, which `@ipld/car` 5.4 does not do: it takes a header or block of any length into memory,
 * passes a section that is shorter than its CID, knows neither null roots nor null padding, and
 * leaves the source open.
 */

/** A CAR as it arrives. */
export interface CarStream {
  readonly roots: CID[]
  /**
   * The blocks in stream order, not verified. Goes once; leaving the loop closes the source, and so
   * it has to be entered. Throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED. A CARv1 that is cut between
   * two sections cannot be told from a whole one.
   */
  readonly blocks: AsyncIterable<Block>
}

/**
 * Reads the headers of a CARv1 or CARv2; its blocks follow as they are asked for. Holds one section
 * at a time. To abandon it while it waits, abort `source`.
 *
 * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED, with `source` closed
 */
export async function readCarStream(
  source: AsyncIterable<Uint8Array>,
  limits: CarLimits
): Promise<CarStream> {
  const queue = new ByteQueue(source)
  try {
    const { roots, end } = await readHeaders(queue, limits)
    return { roots, blocks: readBlocks(queue, { end, limits }) }
  } catch (error) {
    await queue.close()
    throw error
  }
}

/** Where the payload ends in the stream: `Infinity` when only the end of the stream tells. */
interface Bounds {
  readonly end: number
  readonly limits: CarLimits
}

async function readHeaders(
  queue: ByteQueue,
  limits: CarLimits
): Promise<{ roots: CID[]; end: number }> {
  const outer = await readHeader(queue, limits)
  if (outer.version === 1) return { roots: outer.roots, end: Infinity }
  const fixed = await queue.take(v2HeaderBytes)
  if (fixed.length < v2HeaderBytes) {
    throw new CarTruncatedError('in the CARv2 header', queue.position)
  }
  const { dataOffset, dataSize } = decodeV2Header(fixed)
  const padding = dataOffset - pragmaBytes - v2HeaderBytes
  if (!(await queue.skip(padding))) throw new CarTruncatedError('in the padding', queue.position)
  const end = dataOffset + dataSize
  const roots = payloadRoots(await readHeader(queue, limits), dataOffset)
  if (queue.position > end) throw new CarTruncatedError('in a CAR header', end)
  return { roots, end }
}

async function readHeader(queue: ByteQueue, limits: CarLimits): Promise<CarHeader> {
  const { position } = queue
  const first = await queue.peek(varintBytesMax)
  const { varintLength, length } = decodeHeaderLength(first, { position, limits })
  const bytes = await queue.take(varintLength + length)
  if (bytes.length < varintLength + length) {
    throw new CarTruncatedError(`in a CAR header of ${length} bytes`, queue.position)
  }
  return decodeHeader(bytes.subarray(varintLength), position + varintLength)
}

async function* readBlocks(queue: ByteQueue, { end, limits }: Bounds): AsyncGenerator<Block> {
  try {
    while (queue.position < end) {
      const { position } = queue
      const section = await takeSection(queue, { end, limits })
      if (section === undefined) return
      yield decodeSection(section, { position, limits })
    }
  } finally {
    await queue.close()
  }
}

/** The next section, its length varint included; undefined at the end of the payload. */
async function takeSection(
  queue: ByteQueue,
  { end, limits }: Bounds
): Promise<Uint8Array | undefined> {
  const { position } = queue
  const varints = new VarintReader()
  varints.bytes = await queue.peek(Math.min(varintBytesMax, end - position))
  varints.end = varints.bytes.length
  varints.base = position
  if (varints.end === 0 && end === Infinity) return undefined
  const length = varints.next()
  if (length === undefined) throw new CarTruncatedError('before the end of a section', position)
  if (length === 0 && limits.zeroLengthSectionAsEof) return undefined
  checkSectionLength(length, position, limits)
  const total = varints.at + length
  const what = `in a section of ${length} bytes`
  if (position + total > end) throw new CarTruncatedError(what, end)
  const section = await queue.take(total)
  if (section.length < total) throw new CarTruncatedError(what, queue.position)
  return section
}
