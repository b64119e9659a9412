import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { ErrorCode } from '../../../src/errors.ts'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import { readMultihashIndex } from '../../../src/dagstore/car/multihash-index-reader.ts'
import { readCarStream } from '../../../src/dagstore/car/stream.ts'
import { fixtures, skip } from './fixtures.ts'
import { bytesReadAt, scanFile } from './scan-car.ts'
import type { CarFacts } from './scan-car.ts'

/**
 * What the scan of each readable CAR found when it was written and checked against
 * `reference/specs.md`; a change of the reader shows here. A new fixture: put in what the test says.
 */
const goldens: Record<string, CarFacts> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures.golden.json'), 'utf8')
)

/** CARs that do not open. */
const broken: Record<string, ErrorCode> = {
  'dagstore/junk.dat': 'CAR_INVALID',
  'go-car/sample-corrupt-pragma.car': 'CAR_TRUNCATED',
  'go-car/sample-rootless-v42.car': 'CAR_INVALID',
  'go-car/sample-v2-corrupt-data-and-index.car': 'CAR_INVALID',
  'go-car-cmd/badheaderlength.car': 'CAR_LIMIT'
}

/** CARs with null padding, which are whole when it is allowed. */
const padded = [
  'go-car/sample-v1-with-zero-len-section.car',
  'go-car/sample-v1-with-zero-len-section2.car'
]

describe('CAR files of go-car', { skip }, () => {
  it('are all named in this test', () => {
    const files = ['go-car', 'go-car-cmd'].flatMap(folder =>
      readdirSync(join(fixtures, folder))
        .filter(name => name.endsWith('.car'))
        .map(name => `${folder}/${name}`)
    )
    const named = [...Object.keys(goldens), ...Object.keys(broken)].filter(
      name => name !== 'dagstore/junk.dat'
    )
    assert.deepEqual(files.toSorted(), named.toSorted())
  })

  for (const [name, golden] of Object.entries(goldens)) {
    it(`scans ${name} as it did before`, () => {
      assert.deepEqual(JSON.parse(JSON.stringify(scanFile(join(fixtures, name)))), golden)
    })

    it(`reads ${name} as a stream with the blocks of the scan`, async () => {
      const bytes = readFileSync(join(fixtures, name))
      const { roots, blocks } = await readCarStream(chunksOf(bytes, 65_536), carLimitDefaults)
      assert.deepEqual(roots.map(String), golden.roots)
      let sections = 0
      let dataBytes = 0
      const reading = async (): Promise<void> => {
        for await (const block of blocks) {
          sections += 1
          dataBytes += block.bytes.length
        }
      }
      if (golden.error === undefined) await reading()
      else await assert.rejects(reading(), { code: golden.error })
      assert.deepEqual(
        { sections, dataBytes },
        { sections: golden.sections, dataBytes: golden.dataBytes }
      )
    })
  }

  for (const [name, code] of Object.entries(broken)) {
    it(`refuses ${name} with ${code}, also as a stream`, async () => {
      const path = join(fixtures, name)
      assert.throws(() => scanFile(path), { code })
      const reading = readCarStream(chunksOf(readFileSync(path), 7), carLimitDefaults)
      await assert.rejects(reading, { code })
    })
  }

  for (const name of padded) {
    it(`reads ${name} to its padding when that is allowed`, () => {
      const { error, ...rest } = goldens[name]!
      assert.equal(error, 'CAR_INVALID')
      const facts = scanFile(join(fixtures, name), { zeroLengthSectionAsEof: true })
      assert.deepEqual(facts, { ...rest, error: undefined })
    })
  }

  it('have the byte facts that specs.md 1.2 names', () => {
    const place = (name: string): number[] => {
      const facts = goldens[`go-car/${name}`]!
      return [facts.payloadBase, facts.payloadSize, facts.indexOffset]
    }
    assert.deepEqual(place('sample-wrapped-v2.car'), [51, 479_907, 479_958])
    assert.deepEqual(place('sample-rw-bs-v2.car'), [1464, 273, 1737])
    assert.deepEqual(place('sample-unixfs-v2.car'), [51, 284, 335])
    assert.equal(goldens['go-car/sample-v2-indexless.car']!.indexOffset, 0)
  })

  it('hold indices that list their sections, identity CIDs left out', () => {
    for (const name of ['sample-wrapped-v2.car', 'sample-rw-bs-v2.car', 'sample-unixfs-v2.car']) {
      const bytes = readFileSync(join(fixtures, 'go-car', name))
      const { indexOffset, sections, identities } = goldens[`go-car/${name}`]!
      const span = { start: indexOffset, end: bytes.length, limits: carLimitDefaults }
      const { buckets } = readMultihashIndex(bytesReadAt(bytes), span)
      const entries = buckets.reduce((sum, { count }) => sum + count, 0)
      assert.equal(entries, sections - identities, name)
    }
  })
})

async function* chunksOf(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
