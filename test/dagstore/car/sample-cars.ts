/** Small CARs of a wanted shape, in memory. */
import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Block } from '../../../src/block.ts'
import {
  encodeHeader,
  encodePragma,
  encodeV2Header,
  pragmaBytes,
  v2HeaderBytes
} from '../../../src/dagstore/car/header.ts'
import { encodeSectionHead } from '../../../src/dagstore/car/section.ts'

export const rawBlock = (bytes: Uint8Array): Block => ({ cid: cidOf(bytes, 0x55), bytes })

export const cidV0Block = (bytes: Uint8Array): Block => ({ cid: cidOf(bytes, 0x70).toV0(), bytes })

export const identityBlock = (bytes: Uint8Array): Block => ({
  cid: CID.createV1(0x55, create(0, bytes)),
  bytes
})

export function carV1(roots: readonly CID[], blocks: readonly Block[]): Uint8Array {
  const sections = blocks.flatMap(({ cid, bytes }) => [encodeSectionHead(cid, bytes.length), bytes])
  return Buffer.concat([encodeHeader(roots), ...sections])
}

/** `payload` inside a CARv2, with `padding` bytes before it and `index` after it. */
export function carV2(
  payload: Uint8Array,
  { padding = 0, index }: { padding?: number; index?: Uint8Array } = {}
): Uint8Array {
  const dataOffset = pragmaBytes + v2HeaderBytes + padding
  const indexOffset = index === undefined ? 0 : dataOffset + payload.length
  const place = { dataOffset, dataSize: payload.length, indexOffset }
  const header = encodeV2Header({ fullyIndexed: false, ...place })
  const parts = [encodePragma(), header, new Uint8Array(padding), payload]
  return Buffer.concat([...parts, index ?? new Uint8Array(0)])
}

/** Positions at which a section of the CARv1 starts, and its end. */
export function sectionStarts(roots: readonly CID[], blocks: readonly Block[]): number[] {
  return blocks
    .map((_, at) => carV1(roots, blocks.slice(0, at)).length)
    .concat(carV1(roots, blocks).length)
}

function cidOf(bytes: Uint8Array, codec: number): CID {
  return CID.createV1(codec, create(0x12, createHash('sha256').update(bytes).digest()))
}
