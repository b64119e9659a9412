import { glob, open, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { verify } from '../block.ts'
import type { CarLimits, Dagstore, ShardInfo } from '../dagstore/index.ts'
import type { AnnouncePolicy } from '../shards.ts'
import { readCarStream } from '../dagstore/index.ts'
import { CarsNotFoundError } from './errors.ts'
import type { Sessions } from './sessions.ts'

export interface ImportOptions extends AbortOptions {
  /** What is announced of it; the config's `Announce.Policy` when it is not said. */
  readonly announce?: AnnouncePolicy | undefined
}

export interface ImportFileOptions extends ImportOptions {
  /** Key of the shard; the CAR's first root when it is not said. */
  readonly key?: string | undefined
  /** Copies the CAR into the repo in place of serving it where it is. */
  readonly copy?: boolean | undefined
}

export interface ImportReport {
  readonly key: string
  readonly roots: readonly CID[]
  readonly blocks: number
  readonly bytes: number
  /** The file lies in the repo and belongs to it; else it is the user's, and has to stay. */
  readonly owned: boolean
}

export interface ImportParts {
  readonly dagstore: Dagstore
  readonly sessions: Pick<Sessions, 'alone'>
  readonly limits: CarLimits
}

/** Root of a part whose CAR names none. */
const noRoot = CID.parse('bafkqaaa')

/** Serves a CAR where it is, or copies it; the file itself is not changed either way. */
export async function importFile(
  path: string,
  parts: ImportParts,
  { copy, ...options }: ImportFileOptions
): Promise<ImportReport> {
  if (copy !== true) {
    const mount = path.startsWith('file:') ? path : resolve(path)
    return reportOf(await parts.dagstore.register(mount, options))
  }
  await using file = await open(path).catch(cause => {
    throw new CarsNotFoundError(path, { cause })
  })
  return await importStream(file.createReadStream({ autoClose: false }), parts, options)
}

/**
 * Writes a CAR that comes as bytes into the repo: each block is verified, and none is written twice.
 *
 * @throws CAR_INVALID, CAR_LIMIT, CAR_TRUNCATED, BLOCK_MISMATCH; nothing of it stays then
 */
export async function importStream(
  chunks: AsyncIterable<Uint8Array>,
  parts: ImportParts,
  options: ImportOptions
): Promise<ImportReport> {
  const { roots, blocks } = await readCarStream(chunks, parts.limits)
  const root = roots[0] ?? noRoot
  const write = async (): Promise<ShardInfo> => {
    const car = await parts.dagstore.inbound(root)
    try {
      for await (const block of blocks) {
        options.signal?.throwIfAborted()
        verify(block.cid, block.bytes)
        await car.append(block)
      }
      return await parts.dagstore.adopt(car, { roots, announce: options.announce })
    } catch (error) {
      // What an interrupted fetch of this root had written before is not lost for it.
      await (car.resumed.blocks === 0 ? car.discard() : car.suspend())
      throw error
    }
  }
  return reportOf(await parts.sessions.alone(root, write, options))
}

/**
 * The files that `patterns` name: a file is itself whatever its name looks like, a folder stands for
 * the CARs in it, anything else is a glob.
 *
 * @throws MOUNT_UNAVAILABLE when a pattern matches nothing
 */
export async function* expandCars(patterns: readonly string[]): AsyncGenerator<string> {
  for (const pattern of patterns) {
    const found = await stat(pattern).catch(() => undefined)
    if (found?.isFile() === true) {
      yield pattern
      continue
    }
    let matches = 0
    for await (const path of glob(found === undefined ? pattern : join(pattern, '*.car'))) {
      matches += 1
      yield path
    }
    if (matches === 0) throw new CarsNotFoundError(pattern)
  }
}

function reportOf({ key, roots, blocks, bytes, owned }: ShardInfo): ImportReport {
  return { key, roots, blocks, bytes, owned }
}
