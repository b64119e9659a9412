import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { encodeHeader } from '../src/dagstore/car/header.ts'
import { carLimitDefaults } from '../src/dagstore/car/limits.ts'
import { Indexer } from '../src/dagstore/cix/indexer.ts'
import { release } from '../src/dagstore/cix/release.ts'
import { Lookup } from '../src/dagstore/lookup/lookup.ts'
import type { Bench, Row } from './bench.ts'

/** What a child process measured of itself. */
interface Measured {
  readonly blocks: number
  readonly seconds: number
  /** Bytes on disk; 0 for an index that is in memory only. */
  readonly bytes: number
  readonly peakBytes: number
}

export const bench: Bench = {
  name: 'index-car',
  question:
    'How fast is one CAR of 1,000,000 blocks of 100 B indexed, in how much memory and disk?',
  async run({ quick }): Promise<Row[]> {
    const dir = await mkdtemp(join(tmpdir(), 'cardock-bench-'))
    try {
      const car = join(dir, 'blocks.car')
      await writeCar(car, quick ? 50_000 : 1_000_000)
      return [
        rowOf('Cardock, first index of a process', await medianOf(3, 'indexOnce', car)),
        rowOf('Cardock, median of 5 more', await inChild('indexAgain', car)),
        rowOf('@ipld/car CarIndexedReader', await inChild('indexInMemory', car))
      ]
    } finally {
      await rm(dir, { recursive: true })
    }
  }
}

/** Scan, sort and synced `.cix`, then the shard's run of the lookup, whose bytes are counted too. */
export async function indexOnce(car: string): Promise<Measured> {
  return indexTimes(car, 1)
}

export async function indexAgain(car: string): Promise<Measured> {
  return indexTimes(car, 6)
}

export async function indexInMemory(car: string): Promise<Measured> {
  const { CarIndexedReader } = await import('@ipld/car')
  const began = performance.now()
  const reader = await CarIndexedReader.fromFile(car)
  const seconds = (performance.now() - began) / 1000
  let blocks = 0
  for await (const _ of reader.cids()) blocks += 1
  await reader.close()
  return { blocks, seconds, bytes: 0, peakBytes: peakBytes() }
}

async function indexTimes(car: string, times: number): Promise<Measured> {
  const indexer = new Indexer({ threads: 1 })
  const secret = Buffer.alloc(16, 1)
  const facts = { key: 'bench', mount: 'file:///bench.car', id: 1, generation: 1 }
  const cix = { path: `${car}.cix`, private: facts }
  const seconds: number[] = []
  for (let time = 0; ; time++) {
    const began = performance.now()
    const report = await indexer.indexCar({ carPath: car, cix, secret, limits: carLimitDefaults })
    seconds.push((performance.now() - began) / 1000)
    if (time < times - 1) {
      // As the lookup does, which takes them.
      release(report.fingerprints)
      continue
    }
    // The peak is that of the index build: the run is written by another thread, and not now.
    const peak = peakBytes()
    const { blocks, cixBytes } = report
    const bytes = cixBytes + (await runBytes(dirname(car), { secret, ...report }))
    await indexer.close()
    return {
      blocks,
      seconds: median(times === 1 ? seconds : seconds.slice(1)),
      bytes,
      peakBytes: peak
    }
  }
}

async function runBytes(
  parent: string,
  { secret, fingerprints }: { secret: Uint8Array; fingerprints: Float64Array }
): Promise<number> {
  const dir = join(parent, 'lookup')
  const lookup = await Lookup.open({ dir, secret, runs: [], watermark: 0, isLive: () => true })
  await lookup.add(1, fingerprints)
  const { runs } = await lookup.spill()
  let bytes = 0
  for (const { name } of runs) {
    await using run = await open(join(dir, name))
    bytes += (await run.stat()).size
  }
  return bytes
}

/** The run of median time. The first one may have to fill the compile cache for the others. */
async function medianOf(
  runs: number,
  measure: keyof typeof import('./index-car.ts'),
  car: string
): Promise<Measured> {
  const measured: Measured[] = []
  while (measured.length < runs) measured.push(await inChild(measure, car))
  return measured.toSorted((a, b) => a.seconds - b.seconds)[runs >> 1]!
}

/** Each in a process of its own, for its memory, and with a compile cache, as bin/cardock.js has it. */
async function inChild(
  measure: keyof typeof import('./index-car.ts'),
  car: string
): Promise<Measured> {
  const code = `(await import('node:module')).enableCompileCache()
    const m = await import(${JSON.stringify(import.meta.url)})
    process.stdout.write(JSON.stringify(await m.${measure}(${JSON.stringify(car)})))`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    code
  ])
  return JSON.parse(stdout) as Measured
}

function rowOf(what: string, { blocks, seconds, bytes, peakBytes: peak }: Measured): Row {
  return {
    what,
    'blocks/s': Math.round(blocks / seconds).toLocaleString('en'),
    seconds: seconds.toFixed(2),
    'B/block on disk, index and lookup': bytes === 0 ? 'in memory' : (bytes / blocks).toFixed(2),
    'peak RSS, MB': Math.round(peak / 1e6)
  }
}

/** Raw blocks that begin with their number. */
async function writeCar(path: string, blocks: number): Promise<void> {
  const dataBytes = 100
  const head = Buffer.from([0x88, 0x01, 0x01, 0x55, 0x12, 0x20])
  const sectionBytes = head.length + 32 + dataBytes
  const perWrite = 10_000
  await using file = await open(path, 'w')
  await file.write(encodeHeader([]))
  for (let first = 0; first < blocks; first += perWrite) {
    const chunk = Buffer.alloc(Math.min(perWrite, blocks - first) * sectionBytes)
    for (let at = 0; at < chunk.length; at += sectionBytes) {
      const data = chunk.subarray(at + head.length + 32, at + sectionBytes)
      data.writeUInt32LE(first + at / sectionBytes)
      chunk.set(head, at)
      chunk.set(hash('sha256', data, 'buffer'), at + head.length)
    }
    await file.write(chunk)
  }
  // The index is synced, and this CAR's bytes are not to be written out with it.
  await file.sync()
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[list.length >> 1]!
}

function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}
