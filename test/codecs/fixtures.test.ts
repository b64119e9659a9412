import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CID } from 'multiformats/cid'
import { type Codec, codecOf } from '../../src/codecs/index.ts'
import { verify } from '../../src/block.ts'

const folder = join(import.meta.dirname, '../../../shared/fixtures/codec-fixtures')
const skip = existsSync(folder) ? false : `no fixtures at ${folder}`

/** A case of `negative-fixtures`: bytes that do not decode, or a DAG-JSON value that does not encode. */
interface NegativeCase {
  readonly name: string
  readonly hex?: string
  readonly 'dag-json'?: unknown
}

describe('codecs on ipld/codec-fixtures', { skip }, () => {
  it('decode every block and encode it to the same bytes', async () => {
    const blocks = await Array.fromAsync(fixtureBlocks())
    assert.equal(blocks.length, 273)
    for (const { cid, bytes, path } of blocks) {
      verify(cid, bytes)
      const codec = codecNamed(cid.code)
      const encoded = codec.encode(codec.decode({ cid, bytes }))
      assert.equal(Buffer.from(encoded).toString('hex'), Buffer.from(bytes).toString('hex'), path)
    }
  })

  it('find the same links in every encoding of a value', async () => {
    const linksOfValue = new Map<string, string[]>()
    for await (const { cid, bytes, path, value } of fixtureBlocks()) {
      const found = codecNamed(cid.code).links?.({ cid, bytes }).map(String) ?? []
      found.sort() // each codec has an order of its own for the keys of a map
      assert.deepEqual(found, linksOfValue.get(value) ?? found, path)
      linksOfValue.set(value, found)
    }
    assert.ok([...linksOfValue.values()].flat().length > 50)
  })

  for (const name of ['dag-cbor', 'dag-json', 'dag-pb']) {
    it(`refuse to decode what is not ${name}`, async () => {
      for (const { name: title, hex = '' } of await negativeCases(`${name}/decode`)) {
        const bytes = Buffer.from(hex, 'hex')
        const refusal = { code: 'CODEC_INVALID' }
        assert.throws(() => codecByName(name).decode({ cid: anyCid, bytes }), refusal, title)
      }
    })
  }

  it('refuse to encode what dag-pb has no form for', async () => {
    for (const { name, 'dag-json': json } of await negativeCases('dag-pb/encode')) {
      const bytes = Buffer.from(JSON.stringify(json))
      const node = codecByName('dag-json').decode({ cid: anyCid, bytes })
      assert.throws(() => codecByName('dag-pb').encode(node), { code: 'CODEC_INVALID' }, name)
    }
  })
})

const anyCid = CID.parse('bafkqaaa')

async function* fixtureBlocks(): AsyncGenerator<{
  cid: CID
  bytes: Uint8Array
  path: string
  value: string
}> {
  const entries = await readdir(join(folder, 'fixtures'), { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const [cid = '', extension] = entry.name.split('.')
    if (!entry.isFile() || cid === '' || extension === undefined) continue
    const path = join(entry.parentPath, entry.name)
    yield { cid: CID.parse(cid), bytes: await readFile(path), path, value: entry.parentPath }
  }
}

async function negativeCases(path: string): Promise<NegativeCase[]> {
  const cases: NegativeCase[] = []
  const files = join(folder, 'negative-fixtures', path)
  for (const file of await readdir(files)) {
    cases.push(...JSON.parse(await readFile(join(files, file), 'utf8')))
  }
  assert.ok(cases.length > 0, `no cases in ${path}`)
  return cases
}

function codecNamed(code: number): Codec {
  const codec = codecOf(code)
  assert.ok(codec !== undefined, `no codec 0x${code.toString(16)}`)
  return codec
}

function codecByName(name: string): Codec {
  const codec = [0x70, 0x71, 0x129].map(codecNamed).find(known => known.name === name)
  assert.ok(codec !== undefined, `no codec ${name}`)
  return codec
}
