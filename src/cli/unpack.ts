import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join, normalize, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, type Extract } from 'tar-stream'
import { OutputExistsError, TarEntryError } from './errors.ts'
import { besideOf, statOf } from './output-file.ts'

/**
 * Unpacks a tar with one file or one folder at its top, which becomes `target`. It is unpacked
 * beside it and put in place when it is whole.
 */
export async function unpack(chunks: AsyncIterable<Uint8Array>, target: string): Promise<void> {
  if ((await statOf(target)) !== undefined) throw new OutputExistsError(target)
  const beside = besideOf(target)
  try {
    await unpackInto(chunks, beside)
    await rename(beside, target)
  } catch (error) {
    await rm(beside, { recursive: true, force: true })
    throw error
  }
}

/** Links come last: nothing is written through one. */
async function unpackInto(chunks: AsyncIterable<Uint8Array>, target: string): Promise<void> {
  const links: { readonly path: string; readonly to: string }[] = []
  const entries = extract()
  const feeding = pipeline(Readable.from(chunks), entries)
  feeding.catch(() => {})
  for await (const entry of entries) {
    const path = join(target, pathBelowTop(entry.header.name))
    const { type, linkname } = entry.header
    if (type === 'symlink') links.push({ path, to: linkname ?? '' })
    await writeEntry(entry, path)
  }
  await feeding
  for (const { path, to } of links) await symlink(to, path)
}

type Entry = Extract extends AsyncIterable<infer Source> ? Source : never

async function writeEntry(entry: Entry, path: string): Promise<void> {
  if (entry.header.type === 'directory') await mkdir(path, { recursive: true })
  else if (entry.header.type === 'file') {
    await mkdir(dirname(path), { recursive: true })
    await pipeline(entry, createWriteStream(path, { flags: 'wx' }))
    return
  }
  entry.resume()
}

/** Without its first name. @throws PATH_UNSAFE for a name that leads out of the folder */
function pathBelowTop(name: string): string {
  const [, ...names] = name.split('/')
  const path = normalize(names.join(sep))
  if (path === '..' || path.startsWith(`..${sep}`)) throw new TarEntryError(name)
  return path
}
