import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { rethrowExhaustion } from '../exhaustion.ts'

/** Names of an inbound CAR's files: `x.part` and `x.part.idx` while open, `x.car` when sealed. */
export const partSuffix = '.part'
export const journalSuffix = '.part.idx'
const carSuffix = '.car'

/** The two files of a part, open for reading and writing. Whoever opened them closes both. */
export interface PartFiles {
  readonly data: FileHandle
  readonly journal: FileHandle
}

/** A new part that has its first page, durably. @throws RESOURCE_EXHAUSTED, EEXIST */
export async function createPart(partPath: string, page: Uint8Array): Promise<PartFiles> {
  const files = await openFiles(partPath, constants.O_CREAT | constants.O_EXCL)
  try {
    await files.data.writeFile(page)
    await files.data.sync()
    await syncDirectory(dirname(partPath))
    return files
  } catch (error) {
    await closePart(files)
    await removePart(partPath)
    rethrowExhaustion(error)
    throw error
  }
}

/** A part that is there; its journal is made anew when it is not. @throws RESOURCE_EXHAUSTED */
export async function openPart(partPath: string): Promise<PartFiles> {
  return openFiles(partPath, 0)
}

export async function closePart({ data, journal }: PartFiles): Promise<void> {
  try {
    await data.close()
  } finally {
    await journal.close()
  }
}

async function openFiles(partPath: string, flags: number): Promise<PartFiles> {
  let data: FileHandle | undefined
  try {
    data = await open(partPath, constants.O_RDWR | flags)
    const journal = await open(journalOf(partPath), constants.O_RDWR | constants.O_CREAT)
    return { data, journal }
  } catch (error) {
    await data?.close()
    rethrowExhaustion(error)
    throw error
  }
}

export function journalOf(partPath: string): string {
  return partPath.slice(0, -partSuffix.length) + journalSuffix
}

/** Gives a sealed part its name as a CAR, durably, and takes its journal away. Returns its path. */
export async function finishPart(partPath: string): Promise<string> {
  const carPath = partPath.slice(0, -partSuffix.length) + carSuffix
  await rename(partPath, carPath)
  await syncDirectory(dirname(partPath))
  await rm(journalOf(partPath), { force: true })
  return carPath
}

/** Takes both files away, the journal last: one without a part is known to be left over. */
export async function removePart(partPath: string): Promise<void> {
  await rm(partPath, { force: true })
  await rm(journalOf(partPath), { force: true })
}

/** Makes names in a directory durable. Windows cannot and need not. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, constants.O_RDONLY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
