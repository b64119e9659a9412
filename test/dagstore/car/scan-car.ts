import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { CID } from 'multiformats/cid'
import { readLayout } from '../../../src/dagstore/car/header.ts'
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import type { CarLimits } from '../../../src/dagstore/car/limits.ts'
import { fileReadAt } from '../../../src/dagstore/car/read-at.ts'
import type { ReadAt } from '../../../src/dagstore/car/read-at.ts'
import { SectionCursor } from '../../../src/dagstore/car/sections.ts'

/** What a CAR is, by its headers and a scan of its sections. */
export interface CarFacts {
  version: number
  fullyIndexed: boolean
  payloadBase: number
  payloadSize: number
  headerLength: number
  indexOffset: number
  roots: string[]
  sections: number
  dataBytes: number
  identities: number
  /** sha2-256, in hex, of the CIDs as text, a line each, in file order. */
  cids: string
  /** Code of the error that ended the scan; undefined at a clean end. */
  error?: string | undefined
}

/** Reads the headers, then goes over the sections to the end or the first error. */
export function scanCar(readAt: ReadAt, size: number, options: Partial<CarLimits> = {}): CarFacts {
  const limits = { ...carLimitDefaults, ...options }
  const { roots, ...layout } = readLayout(readAt, size, limits)
  const cursor = new SectionCursor(readAt, layout, limits)
  const cids = createHash('sha256')
  const facts = { sections: 0, dataBytes: 0, identities: 0 }
  let error: string | undefined
  try {
    while (cursor.next()) {
      facts.sections += 1
      facts.dataBytes += cursor.dataLength
      if (cursor.hashCode === 0) facts.identities += 1
      cids.update(`${CID.decode(cursor.cidBytes().slice())}\n`)
    }
  } catch (cause) {
    error = (cause as { code: string }).code
    if (error === undefined) throw cause
  }
  return { ...layout, roots: roots.map(String), ...facts, cids: cids.digest('hex'), error }
}

export function scanFile(path: string, options: Partial<CarLimits> = {}): CarFacts {
  const fd = openSync(path, 'r')
  try {
    return scanCar(fileReadAt(fd), fstatSync(fd).size, options)
  } finally {
    closeSync(fd)
  }
}

export function bytesReadAt(bytes: Uint8Array): ReadAt {
  return (target, position) => {
    const part = bytes.subarray(position, position + target.length)
    target.set(part)
    return part.length
  }
}
