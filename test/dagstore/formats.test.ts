import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { Catalogue } from '../../src/dagstore/catalogue/catalogue.ts'
import { decodeOpenPage } from '../../src/dagstore/inbound/first-page.ts'
import { readMarks } from '../../src/dagstore/inbound/part-index.ts'
import { fingerprinter } from '../../src/dagstore/lookup/fingerprint.ts'
import { Run } from '../../src/dagstore/lookup/run.ts'
import { openIndex, readAtOf } from './cix/memory-index.ts'
import {
  barreleye,
  fish,
  lobster,
  sampleIndex,
  samplePart,
  sampleRun,
  secret
} from './format-samples.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/formats.md'), 'utf8')

/** The fenced block of that name. */
function fenced(name: string): string {
  const text = new RegExp(`^\`\`\`${name}\\n(.*?)^\`\`\`$`, 'ms').exec(page)?.[1]
  assert.ok(text !== undefined, `docs/formats.md has no ${name}`)
  return text
}

/** The file that a block shows: lines of position, bytes and meaning, zeros between them. */
function shown(name: string): Buffer {
  const pieces = [...fenced(name).matchAll(/^([0-9a-f]{4})  ((?:[0-9a-f]{2} ?)+)/gm)]
  const placed = pieces.map(([, at = '', hex = '']) => ({
    at: parseInt(at, 16),
    bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex')
  }))
  assert.equal(placed.length, fenced(name).trimEnd().split('\n').length, 'every line is read')
  const { at = 0, bytes } = placed.at(-1) ?? {}
  const file = Buffer.alloc(at + (bytes?.length ?? 0))
  for (const piece of placed) file.set(piece.bytes, piece.at)
  return file
}

describe('docs/formats.md', () => {
  it('shows the .cix that is written, in which each block is found', async () => {
    const index = shown('cix')
    assert.deepEqual(index, sampleIndex())
    const reader = await openIndex(index)
    const places = [fish, lobster, barreleye].map(async ({ cid }) => {
      const found = await reader.find(cid.multihash.code, cid.multihash.digest)
      return found.map(({ offset, headLength, dataLength }) => [offset, headLength, dataLength])
    })
    assert.deepEqual(await Promise.all(places), [
      [
        [59, 37, 4],
        [190, 37, 4]
      ],
      [[100, 37, 7]],
      [[144, 37, 9]]
    ])
    assert.deepEqual(reader.facts.private, {
      key: 'fish',
      mount: 'file:///fish.car',
      id: 1,
      generation: 1
    })
    await reader.verifyBody()
  })

  it('shows the part, the journal and the sealed CAR that are written', async () => {
    const { part, journal, sealed } = await samplePart()
    assert.deepEqual(shown('part'), part)
    assert.deepEqual(shown('journal'), journal)
    assert.deepEqual(shown('sealed'), sealed)
    assert.equal(decodeOpenPage(shown('part'))?.root.toString(), fish.cid.toString())
    const marks = [...readMarks(readAtOf(shown('journal')), journal.length)]
    assert.deepEqual(
      marks.map(({ end, markEnd }) => [end, markEnd]),
      [[part.length - 4096, journal.length]]
    )
  })

  it('shows the run that is written, in which each block has its seqs', () => {
    assert.deepEqual(shown('run'), sampleRun())
    const run = new Run(shown('run'))
    const fingerprint = fingerprinter(secret)
    const seqs = [fish, lobster, barreleye].map(({ cid: { multihash } }) => {
      const found: number[] = []
      const key = fingerprint(multihash.code, multihash.digest, 0, multihash.digest.length)
      run.find(key, seq => found.push(seq))
      return found
    })
    assert.deepEqual(seqs, [[1, 3], [1], [2]])
  })

  it('shows how a fingerprint is made', () => {
    const { code, digest } = fish.cid.multihash
    const made = fingerprinter(secret)(code, digest, 0, digest.length)
    assert.equal(made, fingerprintAsShown(code, digest))
  })

  it('shows the tables of the catalogue', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cardock-formats-'))
    try {
      const path = join(dir, 'catalogue.db')
      await (await Catalogue.open(path)).close()
      using shownTables = new DatabaseSync(':memory:')
      shownTables.exec(fenced('sql'))
      using tables = new DatabaseSync(path)
      assert.deepEqual(schemaOf(shownTables), schemaOf(tables))
      assert.ok(schemaOf(tables).length >= 6)
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})

/** The page's steps, in the integers that it speaks of. */
function fingerprintAsShown(code: number, digest: Uint8Array): number {
  const u32 = (value: bigint): bigint => BigInt.asUintN(32, value)
  const mix = (value: bigint): bigint => {
    let h = u32(value)
    h ^= h >> 16n
    h = u32(h * 0x85ebca6bn)
    h ^= h >> 13n
    h = u32(h * 0xc2b2ae35n)
    return h ^ (h >> 16n)
  }
  const word = (bytes: Uint8Array, at: number): bigint =>
    BigInt(new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true))
  const [k0, k1, k2, k3] = [0, 4, 8, 12].map(at => word(secret, at)) as [
    bigint,
    bigint,
    bigint,
    bigint
  ]
  let high = word(digest, 0) ^ k0
  let low = word(digest, 4) ^ k1
  high = mix(high + low * 0x9e3779b1n)
  low = mix(low ^ high ^ k2)
  high = mix(high + low + BigInt(code))
  low = mix(low + high * 0x85ebca77n + k3)
  high = mix(high ^ low ^ k0)
  return Number(high * 8n + (low >> 29n))
}

/** What was declared, without its layout. */
function schemaOf(db: DatabaseSync): string[] {
  const rows = db.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name').all()
  return rows.map(({ sql }) => String(sql).replaceAll(/\s+/g, ' '))
}
