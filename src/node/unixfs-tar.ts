import { once } from 'node:events'
import type { UnixFSDirectory, UnixFSEntry } from 'ipfs-unixfs-exporter'
import { pack } from 'tar-stream'
import type { Header, Pack } from 'tar-stream'
import { LimitExceededError } from '../errors.ts'
import type { DagReader } from './dag-reader.ts'
import { EntryNameError } from './errors.ts'
import { asFile, isSymlink, loadEntry } from './unixfs-path.ts'
import { readFile } from './unixfs.ts'

export interface TarOptions {
  /** Of the file or directory that everything lies in. */
  readonly name: string
  readonly reader: DagReader
  /** Directories inside one another, inclusive. */
  readonly depthMax: number
}

/** A file or directory with all that is in it, as the tar that kubo's `get` gives. */
export async function* tarOf(entry: UnixFSEntry, options: TarOptions): AsyncGenerator<Uint8Array> {
  const tar = pack()
  const left = new AbortController()
  const filled = new TarWriter(tar, options, left.signal)
    .write(entry, options.name, 1)
    .then(() => tar.finalize())
    .catch(error => tar.destroy(error))
  try {
    yield* tar as AsyncIterable<Uint8Array>
  } finally {
    left.abort()
    tar.destroy()
    await filled
  }
}

class TarWriter {
  readonly #tar: Pack
  readonly #options: TarOptions
  readonly #left: AbortSignal

  constructor(tar: Pack, options: TarOptions, left: AbortSignal) {
    this.#tar = tar
    this.#options = options
    this.#left = left
  }

  async write(entry: UnixFSEntry, name: string, depth: number): Promise<void> {
    if (entry.type === 'directory') return this.#writeDirectory(entry, name, depth)
    if (entry.type === 'file' && isSymlink(entry)) {
      const linkname = new TextDecoder().decode(entry.unixfs.data)
      return this.#add({ ...headerOf(entry), name, type: 'symlink', linkname })
    }
    const file = asFile({ path: name, entry })
    return this.#add({ ...headerOf(entry), name, size: Number(file.size) }, readFile(file))
  }

  async #writeDirectory(entry: UnixFSDirectory, name: string, depth: number): Promise<void> {
    const { depthMax, reader } = this.#options
    if (depth > depthMax) {
      throw new LimitExceededError(
        `directories in ${this.#options.name}`,
        depthMax,
        'Walk.MaxDepth'
      )
    }
    await this.#add({ ...headerOf(entry), name, type: 'directory' })
    for await (const child of entry.entries()) {
      if (!isPlainName(child.name)) throw new EntryNameError(entry.cid, child.name)
      await this.write(await loadEntry(child.cid, reader), `${name}/${child.name}`, depth + 1)
    }
  }

  /** Done when all of it went into the tar, which takes no more than its reader takes. */
  async #add(
    header: Parameters<Pack['entry']>[0],
    content?: AsyncIterable<Uint8Array>
  ): Promise<void> {
    const added = Promise.withResolvers<void>()
    const sink = this.#tar.entry(header, error => (error ? added.reject(error) : added.resolve()))
    // A reader that leaves ends the sink, also while its content is being read.
    added.promise.catch(() => undefined)
    for await (const chunk of content ?? []) {
      if (!sink.write(chunk)) await once(sink, 'drain', { signal: this.#left })
    }
    sink.end(undefined)
    await added.promise
  }
}

/** What the importer kept of a file's mode and time; else what gives the same tar every time. */
function headerOf(entry: UnixFSEntry): Pick<Header, 'mode' | 'mtime'> {
  const node = 'unixfs' in entry ? entry.unixfs : undefined
  const mode = node?.mode ?? (entry.type === 'directory' ? 0o755 : 0o644)
  return { mode, mtime: new Date(Number(node?.mtime?.secs ?? 0) * 1000) }
}

/** False for names that would be unpacked outside their directory. */
function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name)
}
