import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { CixReader } from '../cix/reader.ts'
import { release } from '../cix/release.ts'
import { IndexCorruptError, IndexUnsupportedError } from '../errors.ts'
import { fingerprinter, type Fingerprinter } from './fingerprint.ts'
import { LiveSeqs } from './live-seqs.ts'
import { addSeq, type Postings } from './postings.ts'
import { keepOnly, readRun, runName, writeRun } from './run-files.ts'
import type { Run } from './run.ts'
import { FingerprintTable } from './table.ts'

/** A run as the catalogue lists it. */
export interface RunRecord {
  /** File name in the lookup's folder. */
  readonly name: string
  /** Lowest and highest seq in it. */
  readonly lo: number
  readonly hi: number
  readonly keys: number
}

/** What the catalogue is to record, in one transaction. */
export interface Spill {
  /** All runs, the new ones too: the list replaces the former. */
  readonly runs: readonly RunRecord[]
  /** Every seq up to this one is in the runs. */
  readonly watermark: number
}

/** Sizes in keys: a key is a fingerprint of one shard. */
export interface LookupConfig {
  /** From here on the table in memory should be spilled. */
  readonly tableKeysMax: number
  /** A shard with more goes into a run of its own, past the table. */
  readonly shardKeysMax: number
}

export const lookupDefaults: LookupConfig = { tableKeysMax: 1_000_000, shardKeysMax: 1_000_000 }

export interface LookupOptions {
  /** Where runs are; made when absent. Runs in it that `runs` does not name are deleted. */
  readonly dir: string
  /** The repo's, of 16 bytes. */
  readonly secret: Uint8Array
  readonly runs: readonly RunRecord[]
  /** Seqs up to here are in the runs. Some above may be too: those are added again all the same. */
  readonly watermark: number
  /** Whether a seq is that of a shard's present index. Asked while opening only. */
  readonly isLive: (seq: number) => boolean
  readonly config?: LookupConfig
}

interface ListedRun {
  readonly record: RunRecord
  readonly run: Run
}

/** Keys added between two turns of the event loop. */
const keysPerTurn = 16_384

/**
 * Which shards may hold a multihash, by 35-bit fingerprints: some 0.3 % of the answers are wrong,
 * and what is not answered is not there. New keys are in a table; a full table becomes a run, a
 * sorted file that is also held in memory, at 3 to 5 bytes a key. Every index of a shard has a number
 * of its own, its seq.
 *
 * What is in the table is lost with the process, and read again from the indices of the seqs above
 * the watermark. There is nothing to close.
 */
export class Lookup {
  readonly #dir: string
  readonly #config: LookupConfig
  readonly #fingerprint: Fingerprinter
  readonly #live = new LiveSeqs()
  readonly #runs: ListedRun[] = []
  /** Tables on their way into a run; they answer until they are there. */
  readonly #frozen: FingerprintTable[] = []
  #table = new FingerprintTable()
  /** Highest seq added, from the watermark on. */
  #highest: number
  #watermark: number
  /** Seqs whose keys are not all in yet: the watermark does not pass them. */
  readonly #unplaced = new Set<number>()
  /**
   * Unreadable runs, each with the live seqs in it that were not added again. A seq that could not be
   * added has a run here that is nowhere: being listed, it has the next open ask for the seq.
   */
  readonly #damaged = new Map<RunRecord, Set<number>>()

  private constructor({ dir, secret, watermark, config = lookupDefaults }: LookupOptions) {
    this.#highest = watermark
    this.#watermark = watermark
    this.#dir = dir
    this.#config = config
    this.#fingerprint = fingerprinter(secret)
  }

  /** @throws the system's own errors; a run that cannot be read is in `damaged` instead */
  static async open(options: LookupOptions): Promise<Lookup> {
    const lookup = new Lookup(options)
    await keepOnly(options.dir, new Set(options.runs.map(run => run.name)))
    for (const record of options.runs) await lookup.#load(record, options.isLive)
    return lookup
  }

  /** Live seqs that an unreadable run held or that could not be added: the caller adds them again. */
  get damaged(): number[] {
    return [...this.#damaged.values()].flatMap(seqs => Array.from(seqs))
  }

  /**
   * Adds the keys of one index, in turns with the rest of the program, and takes the array: it is
   * empty afterwards. Seqs ascend from call to call, but for those of `damaged`.
   *
   * @throws the system's own errors, of a shard so large that it is written at once; no answer names
   * the seq then
   */
  async add(seq: number, fingerprints: Float64Array): Promise<void> {
    this.#live.add(seq)
    this.#highest = Math.max(this.#highest, seq)
    this.#unplaced.add(seq)
    const keys = fingerprints.length
    try {
      await this.#place(seq, fingerprints)
      for (const seqs of this.#damaged.values()) seqs.delete(seq)
    } catch (error) {
      this.#live.delete(seq)
      this.#damaged.set({ name: runName(), lo: seq, hi: seq, keys }, new Set([seq]))
      throw error
    } finally {
      this.#unplaced.delete(seq)
    }
  }

  /** From now on no answer names `seq`. */
  remove(seq: number): void {
    this.#live.delete(seq)
    for (const seqs of this.#damaged.values()) seqs.delete(seq)
  }

  /**
   * Live seqs that may hold the multihash, newest first. Of a block that is in many shards only the
   * `postingsMax` newest. None for an identity multihash: it holds its block itself.
   */
  candidates({ code, digest }: { readonly code: number; readonly digest: Uint8Array }): number[] {
    const seqs: number[] = []
    if (code === 0) return seqs
    const fingerprint = this.#fingerprint(code, digest, 0, digest.length)
    const found = (seq: number): void => {
      if (this.#live.has(seq)) addSeq(seqs, seq)
    }
    this.#table.find(fingerprint, found)
    for (const table of this.#frozen) table.find(fingerprint, found)
    for (const { run } of this.#runs) run.find(fingerprint, found)
    return seqs
  }

  /** The table should be spilled. */
  get full(): boolean {
    return this.#table.count >= this.#config.tableKeysMax
  }

  /**
   * Makes the table a run. When it fails the table goes on answering, and the next spill takes it
   * along. One at a time.
   *
   * @throws the system's own errors
   */
  async spill(): Promise<Spill> {
    const next = Math.min(this.#highest, Math.min(...this.#unplaced) - 1)
    const watermark = Math.max(this.#watermark, next)
    for (const [record, seqs] of this.#damaged) if (seqs.size === 0) this.#damaged.delete(record)
    this.#frozen.push(this.#table)
    this.#table = new FingerprintTable()
    for (let table = this.#frozen[0]; table !== undefined; table = this.#frozen[0]) {
      await this.#write(table.postings(seq => this.#live.has(seq)))
      this.#frozen.shift()
    }
    this.#watermark = watermark
    const listed = this.#runs.map(({ record }) => record)
    return { runs: [...listed, ...this.#damaged.keys()], watermark }
  }

  async #place(seq: number, fingerprints: Float64Array): Promise<void> {
    if (fingerprints.length > this.#config.shardKeysMax) {
      const seqs = new Float64Array(fingerprints.length).fill(seq)
      await this.#write({ fingerprints, seqs })
    } else {
      for (let at = 0; at < fingerprints.length; at++) {
        this.#table.add(fingerprints[at]!, seq)
        if (at % keysPerTurn === keysPerTurn - 1) await setImmediate()
      }
      release(fingerprints)
    }
  }

  async #write(postings: Postings): Promise<void> {
    if (postings.seqs.length === 0) return
    const name = runName()
    const run = await writeRun({ path: join(this.#dir, name), postings })
    this.#runs.push({ record: { name, lo: run.lo, hi: run.hi, keys: run.count }, run })
  }

  async #load(record: RunRecord, isLive: (seq: number) => boolean): Promise<void> {
    const seqs = new Set<number>()
    for (let seq = record.lo; seq <= record.hi; seq++) if (isLive(seq)) seqs.add(seq)
    try {
      this.#runs.push({ record, run: await readRun(join(this.#dir, record.name)) })
      for (const seq of seqs) this.#live.add(seq)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#damaged.set(record, seqs)
    }
  }
}

/** The run is bad or gone, and nothing but making it again helps. */
function isDamage(error: unknown): boolean {
  if (error instanceof IndexCorruptError || error instanceof IndexUnsupportedError) return true
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

/** Fingerprints of all that an index lists, identity multihashes left out: what `add` takes. */
export async function fingerprintsOf(reader: CixReader, secret: Uint8Array): Promise<Float64Array> {
  const fingerprint = fingerprinter(secret)
  const fingerprints = new Float64Array(reader.facts.blockCount)
  let count = 0
  for await (const { hashCode, digestLength, width, records } of reader.batches()) {
    if (hashCode === 0) continue
    for (let at = 0; at < records.length; at += width) {
      fingerprints[count++] = fingerprint(hashCode, records, at, digestLength)
    }
  }
  return fingerprints.subarray(0, count)
}
