import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { type Block, inlineBytes } from '../../src/block.ts'
import { codecOf, linksOf } from '../../src/codecs/index.ts'

export const codes = { raw: 0x55, dagPb: 0x70, dagCbor: 0x71, dagJson: 0x129 } as const

/** Room for CIDs of identity blocks: shorter than what a session follows. */
const identityBytesMax = 1024

/** A block of `links` under a codec, made different from others by `salt`. */
export function node(code: number, links: readonly CID[], salt = 0, hash = 0x12): Block {
  const bytes = encode(code, links, salt)
  const hashCode = bytes.length > identityBytesMax ? 0x12 : hash
  const digest = hashCode === 0 ? bytes : createHash('sha256').update(bytes).digest()
  return { cid: CID.createV1(code, Digest.create(hashCode, digest)), bytes }
}

export function leaf(salt: number, size = 8): Block {
  const bytes = Buffer.alloc(Math.max(size, 8))
  bytes.writeUInt32LE(salt)
  const digest = createHash('sha256').update(bytes).digest()
  return { cid: CID.createV1(codes.raw, Digest.create(0x12, digest)), bytes }
}

/** A DAG; its root is the last block. Identity blocks are among `blocks` too. */
export interface Dag {
  readonly root: CID
  readonly blocks: readonly Block[]
}

/** A tree of `depth` levels of dag-cbor, `width` links each, over raw leaves that all differ. */
export function tree(depth: number, width: number): Dag {
  const blocks: Block[] = []
  const grow = (level: number): CID => {
    const children = Array.from({ length: level === 0 ? 0 : width }, () => grow(level - 1))
    const salt = blocks.length
    const block = level === 0 ? leaf(salt) : node(codes.dagCbor, children, salt)
    blocks.push(block)
    return block.cid
  }
  return { root: grow(depth), blocks }
}

/** Random DAGs: shared subtrees, links twice, every codec, identity blocks that link on. */
export const anyDag: fc.Arbitrary<Dag> = fc
  .array(
    fc.record({
      code: fc.constantFrom(codes.raw, codes.dagPb, codes.dagCbor, codes.dagJson),
      hash: fc.constantFrom(0x12, 0x12, 0x12, 0),
      links: fc.array(fc.nat(1_000_000), { maxLength: 6 })
    }),
    { minLength: 1, maxLength: 40 }
  )
  .map(shapes => {
    const blocks: Block[] = []
    for (const [index, { code, hash, links }] of shapes.entries()) {
      // Mostly recent ones, so that DAGs get deep.
      const near = links.map(link => blocks[Math.max(0, index - 1 - (link % 8))]?.cid)
      const cids = near.filter(cid => cid !== undefined)
      blocks.push(node(code, code === codes.raw ? [] : cids, index, hash))
    }
    const all = blocks.slice(-3).map(block => block.cid)
    blocks.push(node(codes.dagCbor, all, shapes.length))
    return { root: blockAt(blocks, -1).cid, blocks }
  })

/** What a walk must see, by a recursion that knows no bounds. */
export interface Reach {
  /** Blocks in the order of a depth-first traversal, each once; identity ones left out. */
  readonly present: readonly Block[]
  readonly absent: readonly CID[]
}

export function reach(root: CID, blocks: readonly Block[]): Reach {
  const bytesOf = new Map(blocks.map(({ cid, bytes }) => [cid.toString(), bytes]))
  const seen = new Set<string>()
  const present: Block[] = []
  const absent: CID[] = []
  const visit = (cid: CID): void => {
    const inline = inlineBytes(cid)
    if (inline !== undefined) return linksOf(cid, inline).forEach(visit)
    const key = cid.toString()
    if (seen.has(key)) return
    seen.add(key)
    const bytes = bytesOf.get(key)
    if (bytes === undefined) return void absent.push(cid)
    present.push({ cid, bytes })
    linksOf(cid, bytes).forEach(visit)
  }
  visit(root)
  return { present, absent }
}

export function blockAt(blocks: readonly Block[], index: number): Block {
  const block = blocks.at(index)
  if (block === undefined) throw new Error(`no block ${index}`)
  return block
}

function encode(code: number, links: readonly CID[], salt: number): Uint8Array {
  if (code === codes.raw) return Buffer.from(`leaf ${salt}`)
  const codec = codecOf(code)
  if (codec === undefined) throw new Error(`no codec ${code}`)
  if (code !== codes.dagPb) return codec.encode({ salt, links: [links] })
  return codec.encode({ Data: Buffer.from(`${salt}`), Links: links.map(Hash => ({ Hash })) })
}
