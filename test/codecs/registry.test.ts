import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { codecOf, isLeaf, linksOf } from '../../src/codecs/index.ts'

const codes = { cbor: 0x51, raw: 0x55, dagPb: 0x70, dagCbor: 0x71, dagJson: 0x129, json: 0x200 }
const linking = [codes.dagPb, codes.dagCbor, codes.dagJson]

describe('linksOf', () => {
  it('gives the links of dag-pb in the order of Links, repeated ones too', () => {
    const links = [cidOf(codes.raw, 2), cidOf(codes.raw, 1), cidOf(codes.raw, 2)]
    const bytes = encode(codes.dagPb, { Links: links.map(Hash => ({ Hash })) })
    assert.deepEqual(linksOf(cidOf(codes.dagPb), bytes).map(String), links.map(String))
  })

  for (const { name, code, order } of [
    { name: 'dag-cbor, which sorts keys by length', code: codes.dagCbor, order: [1, 3, 2] },
    { name: 'dag-json, which sorts keys by bytes', code: codes.dagJson, order: [2, 1, 3] }
  ]) {
    it(`gives the links of ${name}, in document order`, () => {
      const [nine, ten, nested] = [1, 2, 3].map(seed => cidOf(codes.raw, seed))
      const value = { 9: nine, 10: ten, a: [{ deep: nested }, 'text', null, 1.5] }
      const found = linksOf(cidOf(code), encode(code, value))
      assert.deepEqual(
        found.map(String),
        order.map(seed => String(cidOf(codes.raw, seed)))
      )
    })
  }

  it('reads a link of dag-json that is written with escapes and spaces', () => {
    const link = cidOf(codes.raw)
    const text = `[ { "\\u002f" : "\\u0062${String(link).slice(1)}" } , "{\\"/\\": \\"no\\"}" ]`
    assert.deepEqual(linksOf(cidOf(codes.dagJson), Buffer.from(text)).map(String), [String(link)])
  })

  it('takes bytes of dag-json for no link', () => {
    const bytes = encode(codes.dagJson, { a: new Uint8Array([1, 2]) })
    assert.deepEqual(linksOf(cidOf(codes.dagJson), bytes), [])
  })

  it('gives none for leaves, whatever their bytes are', () => {
    for (const code of [codes.raw, codes.json, codes.cbor]) {
      assert.deepEqual(linksOf(cidOf(code), Buffer.from('{"/":"x')), [])
      assert.ok(isLeaf(cidOf(code)))
    }
    assert.ok(!linking.some(code => isLeaf(cidOf(code))))
  })

  it('refuses a codec that it does not know', () => {
    assert.throws(() => linksOf(cidOf(0x78), Buffer.of()), { code: 'CODEC_UNKNOWN' })
    assert.equal(codecOf(0x78), undefined)
  })

  for (const { name, code, hex } of [
    {
      name: 'a second key beside a link',
      code: codes.dagJson,
      hex: hexOf('{"/":"bafkqaaa","a":1}')
    },
    { name: 'a link that is no CID', code: codes.dagJson, hex: hexOf('{"/":"hello"}') },
    { name: 'text after the value', code: codes.dagJson, hex: hexOf('[] []') },
    { name: 'text that is not UTF-8', code: codes.dagJson, hex: '22ff22' },
    { name: 'nothing at all', code: codes.dagJson, hex: '' },
    { name: 'nothing at all', code: codes.dagCbor, hex: '' },
    { name: 'bytes after the value', code: codes.dagCbor, hex: '8000' },
    { name: 'a list of indefinite length', code: codes.dagCbor, hex: '9f00ff' },
    { name: 'a tag that is not 42', code: codes.dagCbor, hex: 'c100' },
    { name: 'a link without its zero', code: codes.dagCbor, hex: 'd82a4101' },
    { name: 'a link that is text', code: codes.dagCbor, hex: 'd82a6100' },
    { name: 'a string longer than the block', code: codes.dagCbor, hex: '5b7fffffffffffffff' },
    { name: 'a list longer than the block', code: codes.dagCbor, hex: '9bffffffffffffffff' },
    { name: 'a simple value of no meaning', code: codes.dagCbor, hex: 'e0' },
    { name: 'a link without a hash', code: codes.dagPb, hex: '1200' },
    { name: 'a field that ends outside', code: codes.dagPb, hex: '0a05ff' }
  ]) {
    it(`refuses ${name} (0x${code.toString(16)})`, () => {
      const bytes = Buffer.from(hex, 'hex')
      assert.throws(() => linksOf(cidOf(code), bytes), { code: 'CODEC_INVALID' })
    })
  }
})

describe('codecs on hostile input', () => {
  it('follow lists 1,024 deep and refuse 1,025', () => {
    for (const [code, open, close] of [
      [codes.dagCbor, '\x81', '\x80'],
      [codes.dagJson, '[', '[]']
    ] as const) {
      const nested = (depth: number): Uint8Array => {
        const end = code === codes.dagJson ? ']'.repeat(depth - 1) : ''
        return Buffer.from(open.repeat(depth - 1) + close + end, 'latin1')
      }
      assert.deepEqual(linksOf(cidOf(code), nested(1024)), [])
      codecOf(code)?.decode({ cid: cidOf(code), bytes: nested(1024) })
      for (const depth of [1025, 1_000_000]) {
        const block = { cid: cidOf(code), bytes: nested(depth) }
        assert.throws(() => linksOf(block.cid, block.bytes), { code: 'CODEC_INVALID' })
        assert.throws(() => codecOf(code)?.decode(block), { code: 'CODEC_INVALID' })
      }
    }
  })

  it('refuse a list nested a million deep in plain cbor and json', () => {
    for (const [code, open] of [[codes.cbor, '\x81'] as const, [codes.json, '['] as const]) {
      const bytes = Buffer.from(open.repeat(1_000_000), 'latin1')
      assert.throws(() => codecOf(code)?.decode({ cid: cidOf(code), bytes }), {
        code: 'CODEC_INVALID'
      })
    }
  })

  it('read a link of 512 characters in base58 and refuse 513, which may as well be a million', () => {
    const block = (link: string): [CID, Uint8Array] => {
      return [cidOf(codes.dagJson), Buffer.from(JSON.stringify({ '/': link }))]
    }
    const links = Array.from({ length: 40 }, (_, at) => {
      const digest = Digest.create(0, new Uint8Array(350 + at).fill(255))
      return CID.createV1(codes.raw, digest).toString(base58btc)
    })
    const longest = links.findLast(({ length }) => length <= 512)
    assert.ok(longest !== undefined && longest.length > 500)
    assert.equal(linksOf(...block(longest))[0]?.toString(base58btc), longest)
    for (const length of [513, 1_000_000]) {
      assert.throws(() => linksOf(...block('z'.padEnd(length, '2'))), { code: 'CODEC_INVALID' })
    }
  })

  for (const code of Object.values(codes)) {
    it(`give a value or CODEC_INVALID for any bytes (0x${code.toString(16)})`, () => {
      const seed = encode(code, sampleOf(code))
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.string().map(text => Buffer.from(text)),
        flipped(seed)
      )
      fc.assert(
        fc.property(bytes, given => {
          const block = { cid: cidOf(code), bytes: given }
          assert.ok(endsTyped(() => linksOf(block.cid, block.bytes)))
          assert.ok(endsTyped(() => codecOf(code)?.decode(block)))
        })
      )
    })
  }

  for (const code of [codes.dagCbor, codes.dagJson]) {
    it(`never find links in a block cut short (0x${code.toString(16)})`, () => {
      const bytes = encode(code, sampleOf(code))
      for (let length = 1; length < bytes.length; length++) {
        const cut = bytes.subarray(0, length)
        assert.throws(
          () => linksOf(cidOf(code), cut),
          { code: 'CODEC_INVALID' },
          `cut at ${length}`
        )
      }
    })
  }

  for (const code of [codes.dagCbor, codes.dagJson]) {
    it(`find in any value the links that were put in (0x${code.toString(16)})`, () => {
      const cid = fc.nat(1000).map(seed => cidOf(codes.raw, seed))
      const { value } = fc.letrec(tie => ({
        value: fc.oneof(
          { maxDepth: 5 },
          cid,
          fc.string(),
          fc.integer(),
          fc.uint8Array(),
          tie('list'),
          tie('map')
        ),
        list: fc.array(tie('value'), { maxLength: 5 }),
        map: fc.dictionary(
          fc.string().filter(key => key !== '/'),
          tie('value'),
          { maxKeys: 5 }
        )
      }))
      fc.assert(
        fc.property(value, node => {
          const found = linksOf(cidOf(code), encode(code, node)).map(String)
          assert.deepEqual(found.sort(), cidsIn(node).sort())
        })
      )
    })
  }
})

function cidOf(code: number, seed = 0): CID {
  const digest = new Uint8Array(32)
  new DataView(digest.buffer).setUint32(0, seed)
  return CID.createV1(code, Digest.create(0x12, digest))
}

function encode(code: number, node: unknown): Uint8Array {
  const codec = codecOf(code)
  assert.ok(codec !== undefined)
  return codec.encode(node)
}

function sampleOf(code: number): unknown {
  if (code === codes.raw) return new Uint8Array([1, 2, 3])
  if (code === codes.json || code === codes.cbor) return { a: [1, 'b', null] }
  const link = cidOf(codes.raw, 7)
  if (code === codes.dagPb) return { Data: new Uint8Array([1]), Links: [{ Hash: link, Name: 'a' }] }
  return { a: [link, 1.5, 'x', new Uint8Array([9])], b: { c: link } }
}

/** `bytes` with one of them changed. */
function flipped(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
    return Uint8Array.from(bytes).fill(byte, at, at + 1)
  })
}

function endsTyped(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'CODEC_INVALID'
  }
}

function cidsIn(node: unknown): string[] {
  const cid = CID.asCID(node)
  if (cid !== null) return [String(cid)]
  if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return []
  return Object.values(node).flatMap(cidsIn)
}

function hexOf(text: string): string {
  return Buffer.from(text).toString('hex')
}
