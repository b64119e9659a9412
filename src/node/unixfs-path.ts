import { exporter, walkPath } from 'ipfs-unixfs-exporter'
import type { RawNode, UnixFSDirectory, UnixFSEntry, UnixFSFile } from 'ipfs-unixfs-exporter'
import type { CID } from 'multiformats/cid'
import type { DagPath } from './cid.ts'
import type { DagReader } from './dag-reader.ts'
import { NotADirectoryError, NotAFileError, PathNotFoundError } from './errors.ts'

/** Something that UnixFS knows, and the path it was found at. */
export interface Found {
  readonly path: string
  readonly entry: UnixFSEntry
}

/** A file has bytes, also one that is a single raw block. */
export type FileEntry = UnixFSFile | RawNode

/** Where a path ends. */
export interface PathEnd {
  /** The path as far as it was followed, the root's CID first. */
  readonly path: string
  readonly cid: CID
}

/**
 * Follows a path name by name. Of what it ends at nothing is read.
 *
 * @throws PATH_NOT_FOUND, NOT_A_DIRECTORY on the way
 */
export async function followPath({ root, names }: DagPath, reader: DagReader): Promise<PathEnd> {
  let end: PathEnd = { path: root.toString(), cid: root }
  for (const name of names) {
    const directory = asDirectory(await loadFound(end, reader))
    const cid = await findChild(directory, name, { path: end.path, reader })
    end = { path: `${end.path}/${name}`, cid }
  }
  return end
}

/** What a path ends at. @throws PATH_NOT_FOUND, NOT_A_DIRECTORY on the way */
export async function resolvePath(target: DagPath, reader: DagReader): Promise<Found> {
  return loadFound(await followPath(target, reader), reader)
}

async function loadFound({ path, cid }: PathEnd, reader: DagReader): Promise<Found> {
  return { path, entry: await loadEntry(cid, reader) }
}

/** What `cid` is: its first block is read. */
export async function loadEntry(cid: CID, reader: DagReader): Promise<UnixFSEntry> {
  try {
    return await exporter(cid, storeOf(reader))
  } catch (error) {
    if (!isNamed(error, 'NotUnixFSError', 'NoResolverError')) throw error
    throw new NotAFileError(cid.toString(), 'no UnixFS node', { cause: error })
  }
}

/** @throws NOT_A_DIRECTORY */
export function asDirectory({ path, entry }: Found): UnixFSDirectory {
  if (entry.type === 'directory') return entry
  throw new NotADirectoryError(path, describe(entry))
}

/** @throws NOT_A_FILE */
export function asFile({ path, entry }: Found): FileEntry {
  if (entry.type === 'raw' || (entry.type === 'file' && !isSymlink(entry))) return entry
  throw new NotAFileError(path, describe(entry))
}

export function isSymlink(entry: UnixFSFile): boolean {
  return entry.unixfs.type === 'symlink'
}

async function findChild(
  directory: UnixFSDirectory,
  name: string,
  { path, reader }: { path: string; reader: DagReader }
): Promise<CID> {
  const isSharded = directory.unixfs.type === 'hamt-sharded-directory'
  const child = isSharded
    ? await findInShards(directory.cid, name, reader)
    : directory.node.Links.find(link => link.Name === name)?.Hash
  if (child === undefined) throw new PathNotFoundError(path, name)
  return child
}

/** The steps lead over the shards to the entry, which comes last. */
async function findInShards(
  directory: CID,
  name: string,
  reader: DagReader
): Promise<CID | undefined> {
  try {
    const steps = await Array.fromAsync(walkPath(`${directory}/${name}`, storeOf(reader)))
    return steps.at(-1)?.cid
  } catch (error) {
    if (isNamed(error, 'NotFoundError')) return undefined
    throw error
  }
}

/** The one method of a blockstore that the exporter calls. */
function storeOf(reader: DagReader): Parameters<typeof exporter>[1] {
  return {
    async *get(cid, options) {
      yield await reader.get(cid, options)
    }
  }
}

function describe(entry: UnixFSEntry): string {
  if (entry.type === 'directory') return 'a directory'
  if (entry.type === 'raw') return 'a file'
  if (entry.type === 'file') return isSymlink(entry) ? 'a symbolic link' : 'a file'
  return `data of codec 0x${entry.cid.code.toString(16)}`
}

function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}
