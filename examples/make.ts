/**
 * Makes the CARs of this folder: `node examples/make.ts`. A directory of text and pictures as
 * UnixFS, and a logbook in DAG-CBOR whose entries link to the one before.
 */
import { createWriteStream } from 'node:fs'
import { glob, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CarWriter } from '@ipld/car'
import * as dagCbor from '@ipld/dag-cbor'
import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { dunes, julia, lighthouse } from './pictures.ts'

const here = import.meta.dirname
const harbour = join(here, 'harbour')

await mkdir(join(harbour, 'pictures'), { recursive: true })
await writeFile(join(harbour, 'pictures', 'lighthouse.png'), lighthouse())
await writeFile(join(harbour, 'pictures', 'julia.png'), julia())
await writeFile(join(harbour, 'pictures', 'dunes.png'), dunes())
await packDirectory(harbour, join(here, 'harbour.car'))
await packLogbook(join(here, 'logbook.car'))

async function packDirectory(folder: string, carPath: string): Promise<void> {
  const blocks = new Map<string, { cid: CID; bytes: Uint8Array }>()
  const store = {
    async put(cid: CID, bytes: Uint8Array): Promise<CID> {
      blocks.set(cid.toString(), { cid, bytes })
      return cid
    }
  }
  let root: CID | undefined
  const options = { cidVersion: 1 as const, rawLeaves: true, wrapWithDirectory: false }
  for await (const entry of importer(filesOf(folder), store, options)) root = entry.cid
  if (root === undefined) throw new Error(`${folder} holds no file`)
  await writeCar(carPath, root, [...blocks.values()])
}

async function* filesOf(folder: string): AsyncGenerator<{ path: string; content: Uint8Array }> {
  const paths = await Array.fromAsync(glob(join(folder, '**/*.*')))
  for (const path of paths.sort()) {
    const name = join(basename(folder), relative(folder, path))
    yield { path: name, content: await readFile(path) }
  }
}

async function packLogbook(carPath: string): Promise<void> {
  const text = await readFile(join(dirname(carPath), 'harbour', 'logbook.txt'), 'utf8')
  const blocks: { cid: CID; bytes: Uint8Array }[] = []
  let previous: CID | null = null
  for (const [day, note] of text.trim().split('\n').entries()) {
    const bytes: Uint8Array = dagCbor.encode({ day: day + 1, note, previous })
    const cid: CID = CID.createV1(dagCbor.code, await sha256.digest(bytes))
    blocks.push({ cid, bytes })
    previous = cid
  }
  if (previous === null) throw new Error('the logbook is empty')
  await writeCar(carPath, previous, blocks.reverse())
}

async function writeCar(
  path: string,
  root: CID,
  blocks: { cid: CID; bytes: Uint8Array }[]
): Promise<void> {
  const { writer, out } = CarWriter.create([root])
  const written = pipeline(Readable.from(out), createWriteStream(path))
  for (const block of blocks) await writer.put(block)
  await writer.close()
  await written
  process.stdout.write(`${basename(path)}  ${root}  ${blocks.length} blocks\n`)
}
