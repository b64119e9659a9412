import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { Block } from '../../../src/block.ts'
import { digestOf } from '../../../src/hash.ts'

interface Shape {
  readonly bytes?: number
  readonly codec?: number
  readonly hashCode?: number
  /** For hash functions whose digests may be of any length. */
  readonly digestLength?: number
}

/** The same block for the same number and shape; another number, another block. */
export function sampleBlock(number: number, shape: Shape = {}): Block {
  const { bytes = 64, codec = 0x55, hashCode = 0x12, digestLength = 32 } = shape
  const seed = createHash('sha256').update(`block ${number}`).digest()
  const content = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += seed.length) content.set(seed.subarray(0, bytes - at), at)
  const digest = digestOf(hashCode, content, digestLength)
  return { cid: CID.createV1(codec, create(hashCode, Uint8Array.from(digest))), bytes: content }
}

export function sampleBlocks(count: number, shape: Shape = {}): Block[] {
  return Array.from({ length: count }, (_, number) => sampleBlock(number, shape))
}

/** Of another length than those before and after it. */
export function variedBlock(number: number): Block {
  return sampleBlock(number, { bytes: 50 + ((number * 37) % 2000) })
}

/** As kubo names dag-pb blocks by default. */
export function sampleBlockV0(number: number): Block {
  const { cid, bytes } = sampleBlock(number, { codec: 0x70 })
  return { cid: cid.toV0(), bytes }
}
