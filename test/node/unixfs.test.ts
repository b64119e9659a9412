import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as dagPb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { extract } from 'tar-stream'
import type { BlockSource } from '../../src/block.ts'
import { BlockMissingError } from '../../src/errors.ts'
import { parsePath } from '../../src/node/cid.ts'
import { DagReader } from '../../src/node/dag-reader.ts'
import { asDirectory, asFile, followPath, resolvePath } from '../../src/node/unixfs-path.ts'
import { tarOf } from '../../src/node/unixfs-tar.ts'
import { listDirectory, readFile } from '../../src/node/unixfs.ts'
import { noise } from '../dags.ts'
import { MemoryBlocks } from './memory-blocks.ts'

type Source = Parameters<typeof importer>[0]

async function make(
  source: Source,
  options: Parameters<typeof importer>[2] = {}
): Promise<{ root: CID; blocks: MemoryBlocks; reader: DagReader }> {
  const blocks = new MemoryBlocks()
  let root: CID | undefined
  for await (const entry of importer(source, blocks, { rawLeaves: true, ...options })) {
    root = entry.cid
  }
  assert.ok(root)
  return { root, blocks, reader: readerOf(root, blocks) }
}

function readerOf(root: CID, blocks: BlockSource): DagReader {
  return new DagReader(root, { local: blocks, sessions: undefined }, {})
}

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(chunks)).toString()
}

const tree: Source = [
  { path: 'top/a.txt', content: Buffer.from('I am a') },
  { path: 'top/deep/er/b.txt', content: Buffer.from('I am b') },
  { path: 'top/empty' }
]

describe('resolvePath', () => {
  it('finds a file below directories, with and without /ipfs/', async () => {
    const { root, reader } = await make(tree)
    for (const path of [`${root}/deep/er/b.txt`, `/ipfs/${root}/deep//er/b.txt`]) {
      const found = await resolvePath(parsePath(path), reader)
      assert.equal(await text(readFile(asFile(found))), 'I am b')
    }
  })

  it('finds an entry of a sharded directory', async () => {
    const names = Array.from({ length: 500 }, (_, at) => `entry-${at}`)
    const source = names.map(name => ({ path: `wide/${name}`, content: Buffer.from(name) }))
    const { root, reader } = await make(source, { shardSplitThresholdBytes: 1 })
    const found = await resolvePath(parsePath(`${root}/entry-321`), reader)
    assert.equal(await text(readFile(asFile(found))), 'entry-321')
    await assert.rejects(resolvePath(parsePath(`${root}/entry-500`), reader), {
      code: 'PATH_NOT_FOUND'
    })
  })

  it('follows a path to a CID, and reads nothing of what it ends at', async () => {
    const { root, reader, blocks } = await make(tree)
    const before = blocks.reads
    const end = await followPath({ root, names: [] }, reader)
    assert.deepEqual(end, { path: root.toString(), cid: root })
    assert.equal(blocks.reads, before)
    const { entry } = await resolvePath({ root, names: ['deep', 'er'] }, reader)
    const found = await followPath({ root, names: ['deep', 'er'] }, reader)
    assert.deepEqual(found, { path: `${root}/deep/er`, cid: entry.cid })
  })

  it('says which name is missing where', async () => {
    const { root, reader } = await make(tree)
    await assert.rejects(resolvePath(parsePath(`${root}/deep/no`), reader), {
      code: 'PATH_NOT_FOUND',
      message: `no link named "no" under ${root}/deep`
    })
  })

  it('goes through directories only', async () => {
    const { root, reader } = await make(tree)
    await assert.rejects(resolvePath(parsePath(`${root}/a.txt/more`), reader), {
      code: 'NOT_A_DIRECTORY',
      message: `${root}/a.txt is a file, not a directory`
    })
  })

  it('takes a directory for no file and a file for no directory', async () => {
    const { root, reader } = await make(tree)
    const directory = await resolvePath(parsePath(`${root}/deep`), reader)
    assert.throws(() => asFile(directory), { code: 'NOT_A_FILE' })
    const file = await resolvePath(parsePath(`${root}/a.txt`), reader)
    assert.throws(() => asDirectory(file), { code: 'NOT_A_DIRECTORY' })
  })

  it('refuses dag-pb that is no UnixFS', async () => {
    const blocks = new MemoryBlocks()
    const bytes = dagPb.encode({ Data: Uint8Array.of(255), Links: [] })
    const cid = await blocks.put(CID.createV1(dagPb.code, await sha256.digest(bytes)), bytes)
    await assert.rejects(resolvePath({ root: cid, names: [] }, readerOf(cid, blocks)), {
      code: 'NOT_A_FILE'
    })
  })

  it('refuses text that is no CID', () => {
    assert.throws(() => parsePath('/ipfs/readme.txt'), { code: 'CID_INVALID' })
    assert.throws(() => parsePath(''), { code: 'CID_INVALID' })
  })
})

describe('readFile', () => {
  const bytes = 9_000_000
  const content = async (): Promise<Buffer> => Buffer.concat(await Array.fromAsync(noise(bytes, 1)))
  const ranges = [
    { offset: 0, length: undefined },
    { offset: 1, length: 5 },
    { offset: 4_194_303, length: 2 },
    { offset: 8_999_999, length: 10 },
    { offset: 9_000_000, length: 1 },
    { offset: 10_000_000, length: undefined },
    { offset: 3, length: 0 },
    { offset: 262_144, length: 8_388_608 }
  ]

  it('gives any range of a file', async () => {
    const source = [{ path: 'file', content: noise(bytes, 1) }]
    const { root, reader } = await make(source, { chunker: fixedSize({ chunkSize: 100_000 }) })
    const whole = await content()
    for (const { offset, length } of ranges) {
      const found = asFile(await resolvePath({ root, names: [] }, reader))
      const read = Buffer.concat(await Array.fromAsync(readFile(found, { offset, length })))
      const expected = whole.subarray(offset, length === undefined ? undefined : offset + length)
      assert.ok(read.equals(expected), `offset ${offset}, length ${length}`)
    }
  })

  it('reads no further ahead than its slice when the reader stops', async () => {
    const source = [{ path: 'file', content: noise(32 * 2 ** 20, 2) }]
    const { root, reader, blocks } = await make(source, {
      chunker: fixedSize({ chunkSize: 262_144 })
    })
    const file = asFile(await resolvePath({ root, names: [] }, reader))
    for await (const _ of readFile(file)) break
    assert.ok(blocks.reads <= 20, `${blocks.reads} blocks were read for the first chunk`)
  })

  it('fails on a block that is not there, however far it came', async () => {
    const { root, blocks } = await make([{ path: 'file', content: noise(3_000_000, 3) }], {
      chunker: fixedSize({ chunkSize: 262_144 })
    })
    const links = dagPb.decode(await blocks.get(root)).Links
    const gap = links.at(-1)?.Hash
    const holed: BlockSource = {
      get: async cid => {
        if (gap?.equals(cid)) throw new BlockMissingError(cid)
        return blocks.get(cid)
      },
      has: cid => blocks.has(cid),
      size: cid => blocks.size(cid)
    }
    const found = asFile(await resolvePath({ root, names: [] }, readerOf(root, holed)))
    await assert.rejects(text(readFile(found)), { code: 'BLOCK_MISSING' })
  })
})

describe('listDirectory', () => {
  it('says what each entry is, in the order of the directory', async () => {
    const { root, reader } = await make(tree)
    const directory = asDirectory(await resolvePath({ root, names: [] }, reader))
    const entries = await Array.fromAsync(listDirectory(directory, reader))
    assert.deepEqual(
      entries.map(({ name, size, type }) => ({ name, size, type })),
      [
        { name: 'a.txt', size: 6, type: 'file' },
        { name: 'deep', size: 0, type: 'directory' },
        { name: 'empty', size: 0, type: 'directory' }
      ]
    )
  })
})

describe('tarOf', () => {
  async function unpack(tar: AsyncIterable<Uint8Array>): Promise<Record<string, string>> {
    const reader = extract()
    const fed = (async () => {
      for await (const chunk of tar) reader.write(chunk)
      reader.end(undefined)
    })()
    const entries: Record<string, string> = {}
    for await (const entry of reader) {
      const { name, type } = entry.header
      const body = await text(entry as unknown as AsyncIterable<Uint8Array>)
      entries[name] = type === 'file' ? body : type
    }
    await fed
    return entries
  }

  it('packs a directory with all that is in it', async () => {
    const { root, reader } = await make(tree)
    const { entry } = await resolvePath({ root, names: [] }, reader)
    const tar = tarOf(entry, { name: 'top', reader, depthMax: 3 })
    assert.deepEqual(await unpack(tar), {
      top: 'directory',
      'top/a.txt': 'I am a',
      'top/deep': 'directory',
      'top/deep/er': 'directory',
      'top/deep/er/b.txt': 'I am b',
      'top/empty': 'directory'
    })
  })

  it('packs the same bytes at any time', async context => {
    const { root, reader } = await make(tree)
    const { entry } = await resolvePath({ root, names: [] }, reader)
    const packed = (): Promise<Uint8Array[]> =>
      Array.fromAsync(tarOf(entry, { name: 'top', reader, depthMax: 9 }))
    const first = Buffer.concat(await packed())
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() + 86_400_000 })
    assert.deepEqual(Buffer.concat(await packed()), first)
  })

  it('stops one past the depth that is allowed', async () => {
    const { root, reader } = await make(tree)
    const { entry } = await resolvePath({ root, names: [] }, reader)
    await assert.rejects(Array.fromAsync(tarOf(entry, { name: 'top', reader, depthMax: 2 })), {
      code: 'LIMIT_EXCEEDED'
    })
  })

  it('packs no name that leaves its directory', async () => {
    const blocks = new MemoryBlocks()
    const leaf = Buffer.from('evil')
    const hash = await blocks.put(CID.createV1(0x55, await sha256.digest(leaf)), leaf)
    for (const name of ['..', '../up', '', '.', '/etc/passwd']) {
      const bytes = dagPb.encode(
        dagPb.prepare({
          Data: new UnixFS({ type: 'directory' }).marshal(),
          Links: [{ Name: name, Tsize: 4, Hash: hash }]
        })
      )
      const cid = await blocks.put(CID.createV1(dagPb.code, await sha256.digest(bytes)), bytes)
      const reader = readerOf(cid, blocks)
      const { entry } = await resolvePath({ root: cid, names: [] }, reader)
      const tar = tarOf(entry, { name: 'top', reader, depthMax: 9 })
      await assert.rejects(Array.fromAsync(tar), { message: /is not written/ }, `name ${name}`)
    }
  })

  it('reads no further ahead than its reader takes', async () => {
    const files = Array.from({ length: 200 }, (_, at) => {
      return { path: `top/${at}`, content: Buffer.alloc(10_000, at) }
    })
    const { root, reader, blocks } = await make(files)
    const { entry } = await resolvePath({ root, names: [] }, reader)
    for await (const _ of tarOf(entry, { name: 'top', reader, depthMax: 9 })) break
    assert.ok(blocks.reads < 20, `${blocks.reads} blocks were read`)
  })
})
