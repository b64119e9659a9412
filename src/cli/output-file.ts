import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { OutputExistsError } from './errors.ts'

/**
 * Writes `chunks` into a file beside `path`, which takes its place when it is whole and on disk.
 * When anything fails, `path` is as it was. A device or a pipe is written to, never replaced, and a
 * link stays one.
 */
export async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const found = await statOf(path)
  if (found?.isDirectory() === true) throw new OutputExistsError(path, ' and is a folder')
  if (found?.isFile() === false) return writeInto(path, chunks)
  const target = found === undefined ? path : await realpath(path)
  const beside = besideOf(target)
  try {
    await writeFresh(beside, chunks)
    await rename(beside, target)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

/** A name in the same folder that nobody else uses. */
export function besideOf(path: string): string {
  return `${path}.${randomUUID().slice(0, 8)}.part`
}

/** What is at `path`; undefined when nothing is. */
export async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function writeFresh(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await using file = await open(path, 'wx')
  for await (const chunk of chunks) await file.writeFile(chunk)
  await file.sync()
}

async function writeInto(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await using file = await open(path, 'w')
  for await (const chunk of chunks) await file.writeFile(chunk)
}
