import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { ClosedError } from '../errors.ts'
import { ResourceExhaustedError } from './errors.ts'

interface Entry {
  readonly path: string
  readonly handle: FileHandle
  users: number
  /** Closed when its last user leaves, and given to no new one. */
  stale: boolean
}

/**
 * Open files for reading, one budget for all shards. Handles nobody uses stay open for the next
 * reader until their place is needed; who finds no place waits for one.
 */
export class FileHandles {
  readonly #max: number
  /** By path, least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #opening = new Map<string, Promise<Entry>>()
  readonly #waiting: (() => void)[] = []
  /** Handles that are open, being opened, or not yet closed. */
  #taken = 0
  #closed = false

  /** `max`: most files open at a time, at least 1. */
  constructor({ max }: { readonly max: number }) {
    this.#max = max
  }

  /** Files open now, in use or kept. */
  get open(): number {
    return this.#taken
  }

  /**
   * Runs `read` with the file open. `read` must not use another file of this budget meanwhile, nor
   * keep the handle.
   *
   * @throws RESOURCE_EXHAUSTED when the process has no file left and none of ours can be given up
   */
  async use<T>(path: string, read: (handle: FileHandle) => Promise<T>): Promise<T> {
    const entry = await this.#borrow(path)
    try {
      return await read(entry.handle)
    } finally {
      await this.#giveBack(entry)
    }
  }

  /** The next user opens `path` anew: the file was replaced or is about to go. */
  async forget(path: string): Promise<void> {
    await this.#opening.get(path)?.catch(() => {})
    const entry = this.#entries.get(path)
    if (entry !== undefined) await this.#retire(entry)
  }

  /** Closes what is idle at once and the rest when its users leave. */
  async close(): Promise<void> {
    this.#closed = true
    this.#wakeAll()
    await Promise.allSettled(this.#opening.values())
    await Promise.all([...this.#entries.values()].map(async entry => this.#retire(entry)))
  }

  async #borrow(path: string): Promise<Entry> {
    for (;;) {
      if (this.#closed) throw new ClosedError('file handles')
      const found = this.#entries.get(path) ?? this.#opening.get(path)
      if (found === undefined) return this.#openFirst(path)
      const entry = await found
      if (entry.stale) continue
      entry.users += 1
      this.#entries.delete(path)
      this.#entries.set(path, entry)
      return entry
    }
  }

  /** Opens a file that nobody has open; who asks for it meanwhile shares the one opening. */
  async #openFirst(path: string): Promise<Entry> {
    const opening = this.#openEntry(path)
    this.#opening.set(path, opening)
    try {
      const entry = await opening
      entry.users += 1
      this.#entries.set(path, entry)
      return entry
    } finally {
      this.#opening.delete(path)
    }
  }

  async #openEntry(path: string): Promise<Entry> {
    for (;;) {
      await this.#place()
      try {
        const handle = await open(path, constants.O_RDONLY)
        return { path, handle, users: 0, stale: false }
      } catch (error) {
        this.#leave()
        if (!isOutOfFiles(error)) throw error
        if (!(await this.#makeRoom())) {
          throw new ResourceExhaustedError('too many open files', { cause: error })
        }
      }
    }
  }

  /** Takes one place of the budget, waiting for it if need be. */
  async #place(): Promise<void> {
    while (this.#taken >= this.#max) await this.#makeRoom()
    if (this.#closed) throw new ClosedError('file handles')
    this.#taken += 1
  }

  /** Closes the file that was idle longest, or waits until one is given back. False: there is none. */
  async #makeRoom(): Promise<boolean> {
    if (this.#closed) throw new ClosedError('file handles')
    if (this.#taken === 0) return false
    const idle = this.#entries.values().find(entry => entry.users === 0)
    if (idle !== undefined) {
      await this.#retire(idle)
    } else {
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
    return true
  }

  async #giveBack(entry: Entry): Promise<void> {
    entry.users -= 1
    if (entry.users > 0) return
    if (entry.stale) await this.#shut(entry)
    else this.#waiting.shift()?.()
  }

  async #retire(entry: Entry): Promise<void> {
    if (entry.stale) return
    entry.stale = true
    this.#entries.delete(entry.path)
    if (entry.users === 0) await this.#shut(entry)
  }

  async #shut(entry: Entry): Promise<void> {
    try {
      await entry.handle.close()
    } finally {
      this.#leave()
    }
  }

  #leave(): void {
    this.#taken -= 1
    this.#waiting.shift()?.()
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** The process or the system has no file descriptor left. */
function isOutOfFiles(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EMFILE' || code === 'ENFILE'
}
