/** The files that docs/formats.md shows, made by the code that writes such files. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Block } from '../../src/block.ts'
import { Indexer } from '../../src/dagstore/cix/indexer.ts'
import { resolveInbound } from '../../src/dagstore/inbound/config.ts'
import { InboundCar } from '../../src/dagstore/inbound/inbound-car.ts'
import { fingerprinter } from '../../src/dagstore/lookup/fingerprint.ts'
import { encodeRun } from '../../src/dagstore/lookup/run-write.ts'
import { rawBlock } from './car/sample-cars.ts'
import { indexOf } from './cix/memory-index.ts'
import { carBytes } from './repo.ts'

export const fish: Block = rawBlock(Buffer.from('fish'))
export const lobster: Block = rawBlock(Buffer.from('lobster'))
export const barreleye: Block = rawBlock(Buffer.from('barreleye'))

/** The bytes 00, 01 to 0f. */
export const secret: Uint8Array = Uint8Array.from({ length: 16 }, (_, at) => at)

/** Of a CARv1 with the root fish and the sections fish, lobster, barreleye and fish again. */
export function sampleIndex(): Buffer {
  const car = carBytes([fish, lobster, barreleye, fish], [fish.cid])
  const names = { key: 'fish', mount: 'file:///fish.car', id: 1, generation: 1 }
  return indexOf(car, { private: names })
}

/** Fish in the indices with seqs 1 and 3, lobster in 1, barreleye in 2. */
export function sampleRun(): Buffer {
  const fingerprint = fingerprinter(secret)
  const of = ({ cid }: Block): number =>
    fingerprint(cid.multihash.code, cid.multihash.digest, 0, cid.multihash.digest.length)
  return encodeRun({
    fingerprints: Float64Array.of(of(fish), of(fish), of(lobster), of(barreleye)),
    seqs: Float64Array.of(1, 3, 1, 2)
  })
}

/** A part with the sections fish and lobster, its journal, and the CAR that it becomes. */
export async function samplePart(): Promise<Record<'part' | 'journal' | 'sealed', Buffer>> {
  const dir = await mkdtemp(join(tmpdir(), 'cardock-formats-'))
  const indexer = new Indexer({ threads: 1 })
  try {
    const options = { dir, name: 'fish', request: { root: fish.cid }, config: resolveInbound() }
    await using car = await InboundCar.create(options)
    for (const block of [fish, lobster]) await car.append(block)
    await car.flush()
    const part = await readFile(car.path)
    const journal = await readFile(`${car.path}.idx`)
    await car.seal({ roots: [fish.cid], indexer })
    return { part, journal, sealed: await readFile(car.path) }
  } finally {
    await indexer.close()
    await rm(dir, { recursive: true })
  }
}
