import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { Block } from '../../../src/block.ts'
import { verify } from '../../../src/block.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { readLayout } from '../../../src/dagstore/car/header.ts'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import { readMultihashIndex } from '../../../src/dagstore/car/multihash-index-reader.ts'
import { SectionCursor } from '../../../src/dagstore/car/sections.ts'
import { readCarStream } from '../../../src/dagstore/car/stream.ts'
import { fixtures, skip } from './fixtures.ts'
import { bytesReadAt } from './scan-car.ts'

/*
 * The vectors of go-car v2/reader_test.go at d891b59 (specs.md 1.9), and both ways of reading them:
 * by position and as a stream.
 */

const rootless = '11a265726f6f7473806776657273696f6e01'
const digest = '01d448afd928065458cf670b60f5a594d735af0172c8d67f22a81680132681ca'
/** A header whose root has a tag that is not that of a CID: go-car takes it, Cardock does not. */
const oddlyTagged = `3aa265726f6f747381d83058250001303020${'30'.repeat(32)}6776657273696f6e01`

interface Vector {
  readonly name: string
  readonly why: string
  readonly hex: string
  readonly code: ErrorCode
  readonly message: RegExp
}

const vectors: Vector[] = [
  {
    name: 'BadCidV0',
    why: 'a root that is not tagged as a CID',
    hex: `${oddlyTagged}0130`,
    code: 'CAR_INVALID',
    message: /a root that is not a CID/
  },
  {
    name: 'BadCidV0 after a good header',
    why: 'a section of one byte that is no CID version',
    hex: `${rootless}0130`,
    code: 'CAR_INVALID',
    message: /expected 1 as the cid version number, got: 48/
  },
  {
    name: 'BadHeaderLength',
    why: 'a header of 200 GB',
    hex: 'e0e0e0e0a7060c6f6c4cca943c236f4b196723489608edb42a8b8fa80b6776657273696f6e19',
    code: 'CAR_LIMIT',
    message: /CAR header of 216830324832 bytes is over the limit/
  },
  {
    name: 'BadSectionLength',
    why: 'a section of 200 GB',
    hex: `${rootless}e0e0e0e0a70601551220${digest}00000000000000000000`,
    code: 'CAR_LIMIT',
    message: /section of 216830324832 bytes is over the limit/
  },
  {
    name: 'BadSectionLength2',
    why: 'a root that is not tagged as a CID',
    hex: `${oddlyTagged}2001303020${'30'.repeat(40)}`,
    code: 'CAR_INVALID',
    message: /a root that is not a CID/
  },
  {
    name: 'BadSectionLength2 after a good header',
    why: 'a section of 32 bytes with a CID of 36',
    hex: `${rootless}2001551220${digest}`,
    code: 'CAR_INVALID',
    message: /section length shorter than CID length/
  },
  {
    name: 'BadSectionLength3',
    why: 'the end inside the length of a section',
    hex: '11a265726f6f7473f66776657273696f6e0180',
    code: 'CAR_TRUNCATED',
    message: /unexpected end/
  }
]

describe('malformed CARs of go-car', () => {
  for (const { name, why, hex, code, message } of vectors) {
    it(`${name}, ${why}, is refused`, async () => {
      const bytes = Buffer.from(hex, 'hex')
      assert.throws(() => scanThrough(bytes), { code, message })
      for (const length of [1, bytes.length]) {
        await assert.rejects(streamed(bytes, length), { code, message })
      }
    })
  }

  const mismatches = [
    {
      name: 'BadBlockHash',
      hex: `${rootless}2e01551220${digest}${'ff'.repeat(10)}`
    },
    {
      name: 'IdentityCID, a section without the bytes of its identity CID,',
      hex: '2fa265726f6f747381d82a581a0001a90200147b226964656e74697479223a22626c6f636b227d6776657273696f6e011901a90200147b226964656e74697479223a22626c6f636b227d'
    }
  ]
  for (const { name, hex } of mismatches) {
    it(`${name} scans, and fails when its block is checked`, async () => {
      const bytes = Buffer.from(hex, 'hex')
      assert.equal(scanThrough(bytes), 1)
      const [block] = await streamed(bytes, bytes.length)
      assert.throws(() => verify(block!.cid, block!.bytes), { code: 'BLOCK_MISMATCH' })
    })
  }

  const car = (index: string): Buffer =>
    Buffer.from(
      `0aa16776657273696f6e02${'00'.repeat(16)}330000000000000041000000000000007400000000000000` +
        `${rootless}2e01551220${digest}${'00'.repeat(10)}${index}`,
      'hex'
    )
  const entry = `280000002800000000000000${digest}1200000000000000`
  const indices = [
    {
      name: 'BadIndexCountOverflow',
      index: `8108ffffffff120000000000000001000000${entry}`,
      message: /MultihashIndexSorted count is overflowing int32/
    },
    {
      name: 'BadIndexCountTooMany',
      index: `8108ffffff7f120000000000000001000000${entry}`,
      message: /unexpected end/
    },
    {
      name: 'BadIndexMultiWidthOverflow',
      index: `8108010000001200000000000000ffffffff${entry}`,
      message: /multiWidthIndex count is overflowing int32/
    },
    {
      name: 'BadIndexMultiWidthTooMany',
      index: `8108010000001200000000000000ffffff7f${entry}`,
      message: /unexpected end/
    }
  ]
  for (const { name, index, message } of indices) {
    it(`${name} refuses the index and reads the sections`, () => {
      const bytes = car(index)
      assert.equal(scanThrough(bytes), 1)
      const readAt = bytesReadAt(bytes)
      const { indexOffset } = readLayout(readAt, bytes.length, carLimitDefaults)
      const span = { start: indexOffset, end: bytes.length, limits: carLimitDefaults }
      const reading = (): unknown => readMultihashIndex(readAt, span)
      assert.throws(reading, { code: 'INDEX_CORRUPT', message })
    })
  }
})

describe('fuzz corpora of go-car', { skip }, () => {
  const files = globSync('go-car/fuzz/*/*', { cwd: fixtures })

  it('are here', () => assert.equal(files.length, 6))

  for (const file of files) {
    it(`${file} ends with sections or a typed error, whole and cut at any byte`, async () => {
      const bytes = goCorpus(readFileSync(`${fixtures}/${file}`, 'utf8'))
      for (let cut = 0; cut <= bytes.length; cut++) {
        const part = bytes.subarray(0, cut)
        const scan = codeOf(() => scanThrough(part))
        const stream = await streamed(part, 5).then(() => 'whole', typedCode)
        // A stream does not see the index, nor the end of the file before it comes there.
        if (scan === 'whole') assert.equal(stream, 'whole', `cut ${cut}`)
      }
    })
  }
})

/** How many sections it has. Throws what ends the scan. */
function scanThrough(bytes: Uint8Array): number {
  const readAt = bytesReadAt(bytes)
  const cursor = new SectionCursor(
    readAt,
    readLayout(readAt, bytes.length, carLimitDefaults),
    carLimitDefaults
  )
  let sections = 0
  while (cursor.next()) sections += 1
  return sections
}

async function streamed(bytes: Uint8Array, length: number): Promise<Block[]> {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
  }
  const { blocks } = await readCarStream(pieces(), carLimitDefaults)
  return Array.fromAsync(blocks)
}

function codeOf(work: () => void): string {
  try {
    work()
    return 'whole'
  } catch (error) {
    return typedCode(error)
  }
}

function typedCode(error: unknown): string {
  const { code } = error as { code: string }
  assert.match(code, /^CAR_/)
  return code
}

/** The bytes of a Go fuzz corpus file: its second line is a quoted string with Go's escapes. */
function goCorpus(text: string): Buffer {
  const quoted = /^\[\]byte\("(.*)"\)$/m.exec(text)?.[1]
  assert.ok(quoted !== undefined, 'not a Go fuzz corpus')
  const escape = /\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|\\.|[^\\]+/gu
  return Buffer.concat(quoted.match(escape)!.map(bytesOfToken))
}

const goEscapes: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 }

function bytesOfToken(token: string): Buffer {
  if (!token.startsWith('\\')) return Buffer.from(token)
  const [, kind = '', ...rest] = token
  if (kind === 'x') return Buffer.from(rest.join(''), 'hex')
  if (kind === 'u' || kind === 'U')
    return Buffer.from(String.fromCodePoint(parseInt(rest.join(''), 16)))
  return Buffer.of(goEscapes[kind] ?? kind.charCodeAt(0))
}
