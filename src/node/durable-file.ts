import { randomUUID } from 'node:crypto'
import { open, readFile, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Puts a whole file at `path`, so that after a crash it is there complete or not at all: written
 * beside, fsynced, renamed, its directory fsynced.
 */
export async function writeDurable(
  path: string,
  content: string | Uint8Array,
  { mode }: { mode: number }
): Promise<void> {
  const beside = `${path}.${randomUUID().slice(0, 8)}.new`
  try {
    await using file = await open(beside, 'w', mode)
    await file.chmod(mode)
    await file.writeFile(content)
    await file.sync()
    await rename(beside, path)
  } catch (error) {
    await unlink(beside).catch(() => undefined)
    throw error
  }
  await using directory = await open(dirname(path), 'r')
  await directory.sync()
}

/** Contents of a file; undefined when there is none. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
