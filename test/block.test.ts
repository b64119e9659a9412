import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { inlineBytes, verify } from '../src/block.ts'
import { digestOf } from '../src/hash.ts'

const fish = Buffer.from('fish')

/** Multihash functions of the multicodec table, and the length of their digests in bytes. */
const functions = [
  { name: 'sha1', code: 0x11, length: 20 },
  { name: 'sha2-256', code: 0x12, length: 32 },
  { name: 'sha2-512', code: 0x13, length: 64 },
  { name: 'sha3-256', code: 0x16, length: 32 },
  { name: 'keccak-256', code: 0x1b, length: 32 },
  { name: 'blake3', code: 0x1e, length: 32 },
  { name: 'dbl-sha2-256', code: 0x56, length: 32 },
  { name: 'blake2b-256', code: 0xb220, length: 32 },
  { name: 'blake2s-256', code: 0xb260, length: 32 }
] as const

describe('verify', () => {
  for (const { name, code, length } of functions) {
    it(`takes the right bytes and refuses others under ${name}`, () => {
      const cid = CID.createV1(0x55, create(code, digestOf(code, fish, length)))
      assert.equal(cid.multihash.digest.length, length)
      assert.equal(verify(cid, fish), fish)
      assert.throws(() => verify(cid, Buffer.from('fisj')), { code: 'BLOCK_MISMATCH' })
    })
  }

  it('knows the digest of fish that the specifications use', () => {
    const digest = Buffer.from(digestOf(0x12, fish, 32)).toString('hex')
    assert.equal(digest, 'b474a99a2705e23cf905a484ec6d14ef58b56bbe62e9292783466ec363b5072d')
  })

  it('takes a truncated digest of 20 bytes and refuses one of 19, which proves too little', () => {
    const cut = (length: number): CID =>
      CID.createV1(0x55, create(0x12, digestOf(0x12, fish, length)))
    assert.equal(verify(cut(20), fish), fish)
    assert.throws(() => verify(cut(19), fish), { code: 'HASH_UNSUPPORTED' })
    assert.throws(() => verify(cut(0), fish), { code: 'HASH_UNSUPPORTED' })
  })

  it('refuses a function that it does not know', () => {
    const cid = CID.createV1(0x55, create(0x1234, new Uint8Array(32)))
    assert.throws(() => verify(cid, fish), { code: 'HASH_UNSUPPORTED' })
  })

  it('finds the bytes of an identity CID in it', () => {
    const cid = CID.createV1(0x55, create(0, fish))
    assert.deepEqual(Buffer.from(inlineBytes(cid) ?? []), fish)
    assert.equal(inlineBytes(CID.createV1(0x55, create(0x12, digestOf(0x12, fish, 32)))), undefined)
    assert.throws(() => verify(cid, Buffer.from('fis')), { code: 'BLOCK_MISMATCH' })
  })
})
