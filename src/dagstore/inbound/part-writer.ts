import type { FileHandle } from 'node:fs/promises'
import { WriterPoisonedError } from '../errors.ts'
import { rethrowExhaustion } from '../exhaustion.ts'
import type { InboundConfig } from './config.ts'
import { sectionsStart } from './first-page.ts'
import { encodeMark } from './part-index.ts'
import { closePart } from './part-files.ts'
import type { PartFiles } from './part-files.ts'
import type { PartRecords } from './part-records.ts'
import type { RecoveredPart } from './recover-part.ts'
import { WriteBehind } from './write-behind.ts'

export interface WriterOptions {
  readonly recovered: RecoveredPart
  readonly config: InboundConfig
}

/**
 * Writes the sections of a part and the marks that say how far they are on disk.
 *
 * An fsync that failed is never tried again: what the file holds is not known from then on, so
 * every later call throws WRITER_POISONED. Opening the part again verifies it from its last mark.
 */
export class PartWriter {
  readonly #path: string
  readonly #files: PartFiles
  readonly #config: InboundConfig
  readonly #records: PartRecords
  readonly #sections: WriteBehind
  #marked: number
  #markedEnd: number
  #journalBytes: number
  #lastMark: Promise<void> = Promise.resolve()
  #markDue = false
  #timer: NodeJS.Timeout | undefined
  #poison: WriterPoisonedError | undefined

  /** `path` is for messages. The files are the writer's to close from now on. */
  constructor(path: string, files: PartFiles, options: WriterOptions) {
    const { recovered, config } = options
    const { records, marked, journalBytes } = recovered
    this.#path = path
    this.#files = files
    this.#config = config
    this.#records = records
    this.#sections = new WriteBehind(files.data, sectionsStart + records.end, config)
    this.#marked = marked
    this.#markedEnd = records.endOf(marked)
    this.#journalBytes = journalBytes
  }

  get poisoned(): boolean {
    return this.#poison !== undefined
  }

  /** Room for a section of `bytes` is there now. */
  fits(bytes: number): boolean {
    this.#throwIfPoisoned()
    return this.#sections.fits(bytes)
  }

  /** Waits until something is written. @throws RESOURCE_EXHAUSTED, WRITER_POISONED */
  async writeSome(): Promise<void> {
    this.#throwIfPoisoned()
    await this.#orExhausted(this.#sections.writeSome())
  }

  /** Takes a section, which stands in the records at once after this. */
  accept(head: Uint8Array, bytes: Uint8Array): void {
    this.#sections.accept(head)
    this.#sections.accept(bytes)
  }

  /** Reads bytes of sections, `position` being from the first of them. */
  async read(target: Uint8Array, position: number): Promise<void> {
    await this.#sections.read(target, sectionsStart + position)
  }

  /**
   * Writes and syncs every section recorded so far, then the marks for them.
   *
   * @throws RESOURCE_EXHAUSTED, WRITER_POISONED
   */
  mark(): Promise<void> {
    const mark = this.#lastMark.then(() => this.#mark())
    this.#lastMark = mark.catch(() => {}) // whoever asked for that mark has its error
    return mark
  }

  /** Sees to it that what was recorded is marked in time. */
  markInTime(): void {
    if (this.#markDue) return
    if (this.#records.end - this.#markedEnd >= this.#config.markBytes) this.#markSoon()
    else this.#startTimer()
  }

  /** Takes off what was written after the sections. */
  async cutAfterSections(): Promise<void> {
    await this.#orExhausted(this.#files.data.truncate(sectionsStart + this.#records.end))
  }

  /**
   * Overwrites bytes of the first page in one write, and syncs the whole file. Any failure poisons
   * the writer, as it leaves open what the page says.
   */
  async writePage(page: Uint8Array, position: number): Promise<void> {
    this.#throwIfPoisoned()
    await this.#orPoison(writeAll(this.#files.data, page, position))
    await this.#orPoison(this.#files.data.sync())
  }

  /** Ends all. Waits for a mark and for reads under way. */
  async close(): Promise<void> {
    await this.#lastMark
    clearTimeout(this.#timer) // a mark may have set it for what came after it
    await closePart(this.#files)
  }

  async #mark(): Promise<void> {
    this.#throwIfPoisoned()
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { count, end } = this.#records
    if (count === this.#marked) return
    await this.#orExhausted(this.#sections.writeUntil(sectionsStart + end))
    await this.#orPoison(this.#files.data.datasync())
    const journalBytes = await this.#orExhausted(this.#writeMarks(count))
    await this.#orPoison(this.#files.journal.datasync())
    this.#journalBytes = journalBytes
    this.#marked = count
    this.#markedEnd = end
    if (count < this.#records.count) this.#startTimer()
  }

  /** Where the journal ends after marks for the records before ordinal `until`. */
  async #writeMarks(until: number): Promise<number> {
    let position = this.#journalBytes
    for (let from = this.#marked; from < until;) {
      const run = this.#records.run(from, until)
      const mark = encodeMark(run.end, run.records)
      await writeAll(this.#files.journal, mark, position)
      position += mark.length
      from += run.count
    }
    return position
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(() => this.#markSoon(), this.#config.markIntervalMs).unref()
  }

  #markSoon(): void {
    this.#markDue = true
    // A failure is not lost: what is unmarked stays so, and the next call that waits meets it.
    void this.mark().then(this.#markDone, this.#markDone)
  }

  readonly #markDone = (): void => {
    this.#markDue = false
  }

  /** A full disk can be waited for; any other failure to write ends the writer. */
  async #orExhausted<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (cause) {
      rethrowExhaustion(cause)
      throw this.#poisonWith(cause)
    }
  }

  async #orPoison(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (cause) {
      throw this.#poisonWith(cause)
    }
  }

  #poisonWith(cause: unknown): WriterPoisonedError {
    this.#poison ??= new WriterPoisonedError(this.#path, { cause })
    return this.#poison
  }

  #throwIfPoisoned(): void {
    if (this.#poison !== undefined) throw this.#poison
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}
