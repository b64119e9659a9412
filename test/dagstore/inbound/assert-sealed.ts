import assert from 'node:assert/strict'
import { open, readFile } from 'node:fs/promises'
import { CarIndexedReader, CarReader } from '@ipld/car'
import type { CID } from 'multiformats/cid'
import type { Block } from '../../../src/block.ts'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import { readBucket, readMultihashIndex } from '../../../src/dagstore/car/multihash-index-reader.ts'
import { fileReadAt } from '../../../src/dagstore/car/read-at.ts'
import { readSection } from '../../../src/dagstore/car/sections.ts'
import type { SealedCar } from '../../../src/dagstore/inbound/seal.ts'

/** Whole by the readers of `@ipld/car`, and its index names every section. */
export async function assertSealed(
  sealed: SealedCar,
  { blocks, roots }: { blocks: Block[]; roots: CID[] }
): Promise<void> {
  assert.equal(sealed.blocks, blocks.length)
  assert.equal(sealed.sections, blocks.length)
  const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
  assert.equal(sealed.bytes, bytes)

  const reader = await CarReader.fromBytes(await readFile(sealed.path))
  const rootNames = (await reader.getRoots()).map(String)
  assert.deepEqual(rootNames, roots.map(String))
  const read = await Array.fromAsync(reader.blocks())
  assert.deepEqual(
    read.map(block => block.cid.toString()),
    blocks.map(block => block.cid.toString())
  )
  for (const [at, block] of read.entries()) {
    assert.equal(Buffer.compare(block.bytes, blocks[at]!.bytes), 0)
  }
  const indexed = await CarIndexedReader.fromFile(sealed.path)
  try {
    const last = blocks.at(-1)!
    const found = await indexed.get(last.cid)
    assert.ok(found !== undefined && Buffer.compare(found.bytes, last.bytes) === 0)
  } finally {
    await indexed.close()
  }
  await assertIndexed(sealed, blocks)
}

async function assertIndexed(sealed: SealedCar, blocks: Block[]): Promise<void> {
  await using file = await open(sealed.path, 'r')
  const { size } = await file.stat()
  const readAt = fileReadAt(file.fd)
  const limits = carLimitDefaults
  const start = sealed.payloadBase + sealed.payloadSize
  const { codec, buckets } = readMultihashIndex(readAt, { start, end: size, limits })
  assert.equal(codec, 0x0401)
  const { payloadBase, payloadSize } = sealed
  const span = { payloadBase, payloadSize, headerLength: 0 }
  const named = new Set<string>()
  for (const bucket of buckets) {
    for (const { digest, offset } of readBucket(readAt, bucket)) {
      const { cid } = readSection(readAt, { span, offset, limits })
      assert.deepEqual(Buffer.from(cid.multihash.digest), Buffer.from(digest))
      assert.equal(cid.multihash.code, bucket.hashCode)
      named.add(cid.toString())
    }
  }
  assert.deepEqual([...named].sort(), blocks.map(block => block.cid.toString()).sort())
}
