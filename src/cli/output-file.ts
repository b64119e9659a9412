import { randomUUID } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'

/**
 * Writes `chunks` into a file beside `path`, which takes its place when it is whole and on disk.
 * When anything fails, `path` is as it was.
 */
export async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const beside = besideOf(path)
  try {
    await using file = await open(beside, 'wx')
    for await (const chunk of chunks) await file.writeFile(chunk)
    await file.sync()
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
  await rename(beside, path)
}

/** A name in the same folder that nobody else uses. */
export function besideOf(path: string): string {
  return `${path}.${randomUUID().slice(0, 8)}.part`
}
