import type { UnixFSDirectory } from 'ipfs-unixfs-exporter'
import type { CID } from 'multiformats/cid'
import type { DagReader } from './dag-reader.ts'
import type { FileEntry } from './unixfs-path.ts'
import { isSymlink, loadEntry } from './unixfs-path.ts'

export interface FileRange {
  /** First byte, counted from 0. */
  readonly offset?: number | undefined
  /** Bytes at most. */
  readonly length?: number | undefined
}

/** The exporter holds all that it was asked for in memory, so it is asked for so much at a time. */
const sliceBytes = 4_194_304

/** Leaves read at once. */
const readsMax = 16

/** The bytes of a file, or of a range of it; nothing past its end. */
export async function* readFile(
  file: FileEntry,
  { offset = 0, length = Infinity }: FileRange = {}
): AsyncGenerator<Uint8Array> {
  const end = Math.min(Number(file.size), offset + length)
  for (let at = offset; at < end; at += sliceBytes) {
    const slice = { offset: at, length: Math.min(sliceBytes, end - at) }
    yield* file.content({ ...slice, blockReadConcurrency: readsMax })
  }
}

/** One line of `ls`. */
export interface DirectoryEntry {
  readonly name: string
  readonly cid: CID
  /** Bytes of a file; 0 of anything else. */
  readonly size: number
  readonly type: 'file' | 'directory' | 'symlink' | 'other'
}

/** The entries of a directory, in its order. The first block of each is read, to tell what it is. */
export async function* listDirectory(
  directory: UnixFSDirectory,
  reader: DagReader
): AsyncGenerator<DirectoryEntry> {
  const ahead: Promise<DirectoryEntry>[] = []
  for await (const { name, cid } of directory.entries()) {
    const entry = describeEntry(name, cid, reader)
    // Somebody looks at it later, and may have left by then.
    entry.catch(() => undefined)
    ahead.push(entry)
    if (ahead.length >= readsMax) yield (await ahead.shift())!
  }
  for (const entry of ahead) yield await entry
}

async function describeEntry(name: string, cid: CID, reader: DagReader): Promise<DirectoryEntry> {
  const entry = await loadEntry(cid, reader)
  switch (entry.type) {
    case 'raw':
      return { name, cid, size: Number(entry.size), type: 'file' }
    case 'file':
      if (isSymlink(entry)) return { name, cid, size: 0, type: 'symlink' }
      return { name, cid, size: Number(entry.size), type: 'file' }
    case 'directory':
      return { name, cid, size: 0, type: 'directory' }
    case 'object':
    case 'identity':
      return { name, cid, size: 0, type: 'other' }
  }
}
