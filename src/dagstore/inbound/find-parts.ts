import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { carLimitDefaults } from '../car/limits.ts'
import { readLayout } from '../car/header.ts'
import { fileReadAt } from '../car/read-at.ts'
import { CarInvalidError, CarLimitError, CarTruncatedError } from '../errors.ts'
import { decodeOpenPage, sectionsStart } from './first-page.ts'
import type { PartRequest } from './first-page.ts'
import { finishPart, journalSuffix, partSuffix, removePart } from './part-files.ts'

/**
 * A part that an earlier process left. `open`: resume it. `sealed`: it is a whole CAR by now, at
 * its final path. `damaged`: it has sections but does not say what for; it was not touched.
 */
export type PartFound =
  | { readonly state: 'open'; readonly path: string; readonly request: PartRequest }
  | { readonly state: 'sealed'; readonly path: string }
  | { readonly state: 'damaged'; readonly path: string }

/**
 * Looks through `dir` before anything is written there. A part that was sealed gets its name as a
 * CAR; what a crash left at the very start or end of a part's life is taken away.
 */
export async function findParts(dir: string): Promise<PartFound[]> {
  const found: PartFound[] = []
  const entries = await readdir(dir, { withFileTypes: true })
  const names = new Set(entries.filter(entry => entry.isFile()).map(({ name }) => name))
  for (const name of names) {
    const path = join(dir, name)
    if (name.endsWith(journalSuffix)) {
      if (!names.has(name.slice(0, -journalSuffix.length) + partSuffix)) await rm(path)
    } else if (name.endsWith(partSuffix)) {
      const part = await inspectPart(path)
      if (part !== undefined) found.push(part)
    }
  }
  return found
}

async function inspectPart(path: string): Promise<PartFound | undefined> {
  const { size, page, sealed } = await readStart(path)
  if (sealed) return { state: 'sealed', path: await finishPart(path) }
  const request = decodeOpenPage(page)
  if (request !== undefined) return { state: 'open', path, request }
  if (size > sectionsStart) return { state: 'damaged', path }
  await removePart(path)
  return undefined
}

async function readStart(
  path: string
): Promise<{ size: number; page: Uint8Array; sealed: boolean }> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    const page = new Uint8Array(sectionsStart)
    await handle.read(page, 0, page.length, 0)
    return { size, page, sealed: isSealed(handle.fd, size) }
  } finally {
    await handle.close()
  }
}

const notSealed = [CarInvalidError, CarLimitError, CarTruncatedError]

/** The CARv2 header, written when all else is on disk, is there and fits the file. */
function isSealed(fd: number, size: number): boolean {
  try {
    const layout = readLayout(fileReadAt(fd), size, carLimitDefaults)
    return layout.version === 2 && layout.payloadBase + layout.headerLength === sectionsStart
  } catch (error) {
    if (notSealed.some(type => error instanceof type)) return false
    throw error
  }
}
