import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { anySignal } from '../abort.ts'
import type { BlockSource } from '../block.ts'
import { inlineBytes } from '../block.ts'
import { BlockMissingError } from '../errors.ts'
import type { Sessions } from './sessions.ts'
import type { JoinOptions, SessionUse } from './shared-session.ts'

/** How blocks are read: with `sessions`, what is not here is fetched. */
export interface ReaderParts {
  readonly local: BlockSource
  readonly sessions: Sessions | undefined
}

/**
 * Blocks below one root for one reader. Local ones are read where they are; the first one that is
 * not here joins the fetch of the root, which then answers until the reader is disposed.
 */
export class DagReader implements AsyncDisposable {
  readonly #root: CID
  readonly #parts: ReaderParts
  readonly #options: JoinOptions
  readonly #over = new AbortController()
  readonly #signal: AbortSignal
  #use: Promise<SessionUse> | undefined
  #ahead: CID | undefined
  #reading: Promise<void> | undefined

  constructor(root: CID, parts: ReaderParts, options: JoinOptions) {
    this.#root = root
    this.#parts = parts
    this.#options = options
    this.#signal = anySignal(options.signal, this.#over.signal)
  }

  /**
   * Says that all below `cid` will be read: once something has to be fetched, the rest is fetched
   * ahead of the reader. Below the root that makes a sealed shard.
   */
  readAhead(cid: CID): void {
    this.#ahead = cid
    this.#startReading()
  }

  /** @throws BLOCK_MISSING when nothing may be fetched, else what the fetch throws */
  async get(cid: CID, { signal }: AbortOptions = {}): Promise<Uint8Array> {
    const inline = inlineBytes(cid)
    if (inline !== undefined) return inline
    const scope = { signal: signal === undefined ? this.#signal : anySignal(signal, this.#signal) }
    if (this.#use !== undefined) return (await this.#use).get(cid, scope)
    try {
      return await this.#parts.local.get(cid, scope)
    } catch (error) {
      const { sessions } = this.#parts
      if (!(error instanceof BlockMissingError) || sessions === undefined) throw error
      this.#use ??= sessions.join(this.#root, { ...this.#options, signal: this.#signal })
      this.#startReading()
    }
    return (await this.#use).get(cid, scope)
  }

  /** Waits for the reading ahead: below the root, until the shard is sealed. */
  async finish(): Promise<void> {
    await this.#reading
    this.#signal.throwIfAborted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort()
    await this.#reading
    const use = await this.#use?.catch(() => undefined)
    await use?.[Symbol.asyncDispose]()
  }

  #startReading(): void {
    const use = this.#use
    const ahead = this.#ahead
    if (use === undefined || ahead === undefined || this.#reading !== undefined) return
    this.#reading = this.#read(use, ahead)
  }

  /** What ends the reading ahead ends the reader: it would wait for blocks that never come. */
  async #read(joining: Promise<SessionUse>, ahead: CID): Promise<void> {
    const scope = { signal: this.#signal }
    try {
      const use = await joining
      if (ahead.equals(this.#root)) await use.whole(scope)
      else await use.walk(ahead, scope)
    } catch (error) {
      this.#over.abort(error)
    }
  }
}
