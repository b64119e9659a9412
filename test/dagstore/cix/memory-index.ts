/** Indices in memory, for tests. */
import { carLimitDefaults } from '../../../src/dagstore/car/limits.ts'
import { readLayout } from '../../../src/dagstore/car/header.ts'
import type { ReadAt } from '../../../src/dagstore/car/read-at.ts'
import { CixReader } from '../../../src/dagstore/cix/reader.ts'
import { cixLimitDefaults, type CixLimits } from '../../../src/dagstore/cix/limits.ts'
import type { ReadAtAsync } from '../../../src/dagstore/cix/read-fully.ts'
import { RecordSets } from '../../../src/dagstore/cix/records.ts'
import { scanCar } from '../../../src/dagstore/cix/scan.ts'
import { markRoots, sortSections } from '../../../src/dagstore/cix/sorted.ts'
import { writeCix } from '../../../src/dagstore/cix/write.ts'
import type { PrivateFacts } from '../../../src/dagstore/cix/jobs.ts'

export function readAtOf(bytes: Uint8Array): ReadAt {
  return (target, position) => {
    const part = bytes.subarray(position, position + target.length)
    target.set(part)
    return part.length
  }
}

/** `reads` gets the position of each read. */
export function readAtAsyncOf(bytes: Uint8Array, reads: number[] = []): ReadAtAsync {
  const readAt = readAtOf(bytes)
  return async (target, position) => {
    reads.push(position)
    return readAt(target, position)
  }
}

/** The index of a CAR, with `keysPerNode` keys a node. */
export function indexOf(
  car: Uint8Array,
  options: { keysPerNode?: number; private?: PrivateFacts; payloadBase?: number } = {}
): Buffer {
  const readAt = readAtOf(car)
  const layout = readLayout(readAt, car.length, carLimitDefaults)
  using sets = new RecordSets()
  const scan = scanCar(readAt, layout, { limits: carLimitDefaults, sets, checkpoint() {} })
  const sorted = sortSections(sets)
  markRoots(sorted, layout.roots)
  const chunks: { bytes: Uint8Array; position: number }[] = []
  const length = writeCix(
    (bytes, position) => chunks.push({ bytes: Uint8Array.from(bytes), position }),
    sorted,
    {
      payloadBase: options.payloadBase ?? layout.payloadBase,
      payloadSize: layout.payloadSize,
      sectionCount: scan.sections,
      complete: scan.complete,
      order: 0,
      private: options.private
    },
    options.keysPerNode
  )
  const index = Buffer.alloc(length)
  for (const { bytes, position } of chunks) index.set(bytes, position)
  return index
}

export async function openIndex(
  index: Uint8Array,
  limits: Partial<CixLimits> = {}
): Promise<CixReader> {
  return CixReader.open(readAtAsyncOf(index), index.length, { ...cixLimitDefaults, ...limits })
}
