import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import type { Block } from '../../block.ts'
import { CarInvalidError } from '../errors.ts'
import type { CarLimits } from './limits.ts'
import { SectionHeadReader } from './section-head.ts'
import type { SectionHead } from './section-head.ts'

/**
 * The block of a section whose bytes are all in `section`, from its length varint on. The block's
 * bytes are a view and are not verified. `position` is the section's in the CAR, for messages.
 *
 * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED
 */
export function decodeSection(
  section: Uint8Array,
  { position, limits }: { position: number; limits: CarLimits }
): Block {
  const head = { ...noHead }
  const reader = new SectionHeadReader(limits)
  reader.varints.bytes = section
  reader.varints.end = section.length
  reader.varints.base = position
  if (!reader.read(head, section.length)) {
    throw new CarInvalidError('section of zero length where a block should be', position)
  }
  const { headLength, cidLength, dataLength } = head
  const cid = decodeCid(section.subarray(headLength - cidLength, headLength), position)
  return { cid, bytes: section.subarray(headLength, headLength + dataLength) }
}

const noHead: SectionHead = {
  headLength: 0,
  cidLength: 0,
  dataLength: 0,
  cidVersion: 1,
  codec: 0,
  hashCode: 0,
  digestLength: 0
}

/** @throws CAR_INVALID */
export function decodeCid(bytes: Uint8Array, position: number): CID {
  try {
    return CID.decode(bytes)
  } catch (cause) {
    throw new CarInvalidError('invalid CID of a section', position, { cause })
  }
}

/** What stands before `dataLength` bytes of a block: the section's length and its CID. */
export function encodeSectionHead(cid: CID, dataLength: number): Uint8Array {
  const sectionLength = cid.bytes.length + dataLength
  const varintLength = varint.encodingLength(sectionLength)
  const head = new Uint8Array(varintLength + cid.bytes.length)
  varint.encodeTo(sectionLength, head)
  head.set(cid.bytes, varintLength)
  return head
}
