import type { FileHandle } from 'node:fs/promises'
import { CarTruncatedError } from '../errors.ts'
import type { InboundConfig } from './config.ts'

/** A stretch of the file: filled from its front, and written from its front meanwhile. */
interface Batch {
  readonly start: number
  readonly bytes: Uint8Array
  filled: number
}

/**
 * Appends to a file: bytes are accepted into memory and written in order, one write at a time,
 * each with all that was accepted while the one before was under way. A write that failed keeps
 * its bytes and is tried again by the next call that needs it.
 *
 * Positions are those of the file. Whoever opened `handle` closes it.
 */
export class WriteBehind {
  readonly #handle: FileHandle
  readonly #config: InboundConfig
  readonly #batches: Batch[] = []
  /** The batch emptied last: allocating anew for each costs as much as the copy into it. */
  #spare: Uint8Array | undefined
  #end: number
  #written: number
  #writing: Promise<void> | undefined
  #pumping = false

  /** `start` is the end of the file. */
  constructor(handle: FileHandle, start: number, config: InboundConfig) {
    this.#handle = handle
    this.#config = config
    this.#end = start
    this.#written = start
  }

  /** `bytes` more can be accepted now. A single piece of any size fits when nothing waits. */
  fits(bytes: number): boolean {
    const unwritten = this.#end - this.#written
    return unwritten === 0 || unwritten + bytes <= this.#config.unwrittenBytesMax
  }

  /** Copies `bytes`. Written soon, and with what else is accepted in this turn of the loop. */
  accept(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.length;) {
      const batch = this.#openBatch()
      const piece = bytes.subarray(taken, taken + batch.bytes.length - batch.filled)
      batch.bytes.set(piece, batch.filled)
      batch.filled += piece.length
      taken += piece.length
    }
    this.#end += bytes.length
    this.#startPump()
  }

  /** Waits for one write: that under way, or the next. Rejects with the reason of the system. */
  writeSome(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  /** Waits until all before `position` is written. */
  async writeUntil(position: number): Promise<void> {
    while (this.#written < position) await this.writeSome()
  }

  /** Fills `target` from `position` on, also with bytes that are not written yet. */
  async read(target: Uint8Array, position: number): Promise<void> {
    const inFile = Math.max(0, Math.min(target.length, this.#written - position))
    this.#copyUnwritten(target.subarray(inFile), position + inFile)
    for (let done = 0; done < inFile;) {
      const { bytesRead } = await this.#handle.read(target, done, inFile - done, position + done)
      if (bytesRead === 0) throw new CarTruncatedError('the file became shorter', position + done)
      done += bytesRead
    }
  }

  async #write(): Promise<void> {
    const [batch] = this.#batches
    if (batch === undefined) return
    const from = this.#written - batch.start
    const length = batch.filled - from
    if (length === 0) return
    const { bytesWritten } = await this.#handle.write(batch.bytes, from, length, this.#written)
    this.#written += bytesWritten
    if (this.#written < batch.start + batch.bytes.length) return
    this.#batches.shift()
    this.#spare = batch.bytes
  }

  /** Begins after this turn of the loop, so that blocks that came together are one write. */
  #startPump(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => void this.#pump())
  }

  async #pump(): Promise<void> {
    try {
      while (this.#written < this.#end) await this.writeSome()
    } catch {
      // Nobody waits for this write. Its bytes are kept, and the next to wait gets the error.
    } finally {
      this.#pumping = false
    }
  }

  #openBatch(): Batch {
    const last = this.#batches.at(-1)
    if (last !== undefined && last.filled < last.bytes.length) return last
    const bytes = this.#spare ?? new Uint8Array(this.#config.writeBytes)
    this.#spare = undefined
    const start = last === undefined ? this.#end : last.start + last.bytes.length
    const batch = { start, bytes, filled: 0 }
    this.#batches.push(batch)
    return batch
  }

  #copyUnwritten(target: Uint8Array, position: number): void {
    for (const { start, bytes, filled } of this.#batches) {
      const from = Math.max(position, start)
      const to = Math.min(position + target.length, start + filled)
      if (from < to) target.set(bytes.subarray(from - start, to - start), from - position)
    }
  }
}
