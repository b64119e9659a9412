import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { AbortOptions } from '../../abort.ts'
import { MountUnavailableError, MountUnsupportedError } from '../errors.ts'
import { rethrowExhaustion } from '../exhaustion.ts'
import type { Mount, MountCheck, MountFacts } from './mount.ts'

const edgeBytes = 65_536

/** A CAR in the local file system, read in place and never written to. */
export class FileMount implements Mount {
  readonly url: string
  readonly path: string

  private constructor(path: string) {
    this.path = resolve(path)
    this.url = pathToFileURL(this.path).href
  }

  /** Any path, absolute or from the working directory; every character stands for itself. */
  static fromPath(path: string): FileMount {
    return new FileMount(path)
  }

  /** @throws MOUNT_UNSUPPORTED when it is not a `file:` URL of this machine */
  static fromUrl(url: string): FileMount {
    try {
      return new FileMount(fileURLToPath(url))
    } catch (cause) {
      throw new MountUnsupportedError(url, { cause })
    }
  }

  async inspect({ signal }: AbortOptions = {}): Promise<MountFacts> {
    signal?.throwIfAborted()
    try {
      await using file = await open(this.path, 'r')
      return await factsOf(file)
    } catch (error) {
      rethrowExhaustion(error)
      throw new MountUnavailableError(this.url, { cause: error })
    }
  }

  /** Costs one open and one stat when time and inode are as known. */
  async check(known: MountFacts, { signal }: AbortOptions = {}): Promise<MountCheck> {
    signal?.throwIfAborted()
    try {
      await using file = await open(this.path, 'r')
      const stat = await file.stat({ bigint: true })
      if (Number(stat.size) !== known.size) {
        return { type: 'changed', what: `${stat.size} bytes, was ${known.size}` }
      }
      if (stat.mtimeNs === known.mtimeNs && BigInt.asIntN(64, stat.ino) === known.inode) {
        return { type: 'same' }
      }
      return compare(await factsOf(file), known)
    } catch (error) {
      rethrowExhaustion(error)
      return { type: 'missing', cause: error }
    }
  }
}

function compare(facts: MountFacts, known: MountFacts): MountCheck {
  if (!Buffer.from(facts.headHash).equals(known.headHash)) {
    return { type: 'changed', what: 'other bytes at its beginning' }
  }
  if (!Buffer.from(facts.tailHash).equals(known.tailHash)) {
    return { type: 'changed', what: 'other bytes at its end' }
  }
  return { type: 'touched', facts }
}

async function factsOf(file: FileHandle): Promise<MountFacts> {
  const stat = await file.stat({ bigint: true })
  if (!stat.isFile()) throw new Error('not a file')
  const size = Number(stat.size)
  const edge = Math.min(edgeBytes, size)
  return {
    size,
    mtimeNs: stat.mtimeNs,
    inode: BigInt.asIntN(64, stat.ino),
    headHash: await hashAt(file, 0, edge),
    tailHash: await hashAt(file, size - edge, edge)
  }
}

async function hashAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(length)
  const { bytesRead } = await file.read(bytes, 0, length, position)
  return hash('sha256', bytes.subarray(0, bytesRead), 'buffer')
}
