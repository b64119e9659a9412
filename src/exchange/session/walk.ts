import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CID } from 'multiformats/cid'
import { waitFor } from '../../abort.ts'
import { type BlockSource, inlineBytes } from '../../block.ts'
import { isLeaf, linksOf } from '../../codecs/index.ts'
import { BlockMissingError } from '../../errors.ts'
import { FetchIncompleteError } from '../errors.ts'
import type { FetchConfig } from './config.ts'
import { Frontier, type Place } from './frontier.ts'
import { cidKey } from './key.ts'
import type { BlockSink } from './sink.ts'
import { Visited } from './visited.ts'
import type { Wants } from './wants.ts'
import type { WantWindow } from './window.ts'

/** The DAG that was walked: each block once, identity ones not counted. */
export interface WalkReport {
  readonly blocks: number
  readonly bytes: number
}

export interface WalkParts {
  readonly local: BlockSource
  readonly sink: BlockSink
  readonly wants: Wants
  readonly window: WantWindow
  readonly config: FetchConfig
  /** A block of `size` bytes was in the sink, or was copied into it. */
  readonly onReuse: (ordinal: number, size: number) => void
}

/** How many missing blocks an error names. */
const namedMax = 20
/** In place of a codec's number: the block was seen under one or another. */
const anyCodec = -1
/** Links followed before other work gets its turn: what is in the sink is followed without waiting. */
const followsPerTurn = 256

/**
 * Brings every block under a root into the sink. Takes links in depth-first order, one at a time;
 * blocks that are not here are asked for ahead of their arrival, as many as the window has room for,
 * and their links are followed as they come. What it remembers is the frontier, a bit for each block,
 * and what the window holds.
 */
export class Walk {
  readonly #parts: WalkParts
  readonly #frontier: Frontier
  readonly #visited = new Visited()
  /** Blocks asked for and not followed yet, and how each is taken back. */
  readonly #coming = new Map<string, () => void>()
  readonly #failed = new AbortController()
  readonly #signal: AbortSignal
  /** Blocks that no provider has; another link to one is not followed again. */
  readonly #missing = new Map<string, CID>()
  readonly #report = { blocks: 0, bytes: 0 }
  #followed = 0
  /** Resolved, and made anew, when a block that was asked for came or failed. */
  #change: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(root: CID, signal: AbortSignal, parts: WalkParts) {
    this.#parts = parts
    this.#frontier = new Frontier(root, parts.config)
    this.#signal = AbortSignal.any([signal, this.#failed.signal])
  }

  /**
   * @throws FETCH_INCOMPLETE when peers lack some of it, after all the rest was brought; what `Wants`
   *   and the sink throw; CODEC_UNKNOWN and CODEC_INVALID when links cannot be read; LIMIT_EXCEEDED;
   *   the signal's reason
   */
  async run(): Promise<WalkReport> {
    try {
      await this.#pump()
    } finally {
      for (const leave of this.#coming.values()) leave()
    }
    if (this.#missing.size > 0) throw this.#incomplete()
    return this.#report
  }

  async #pump(): Promise<void> {
    for (;;) {
      this.#signal.throwIfAborted()
      const change = this.#change // before looking, so that what comes meanwhile is not overlooked
      const place = await this.#nextAbsent()
      if (place !== undefined) void this.#bring(place)
      else if (this.#coming.size > 0) await waitFor(change.promise, { signal: this.#signal })
      else if (change === this.#change) return
    }
  }

  /**
   * The first link to a block that must be asked for, with room in the window taken for it; undefined
   * when there is none for now. Room is taken first: while one waits for it, a block may come whose
   * links are earlier in order.
   */
  async #nextAbsent(): Promise<Place | undefined> {
    const { window } = this.#parts
    let absent: Place | undefined
    await window.enter({ urgent: false, signal: this.#signal })
    try {
      let place = this.#frontier.next()
      while (place !== undefined && (await this.#follow(place))) place = this.#frontier.next()
      absent = place
    } finally {
      if (absent === undefined) window.leave(undefined)
    }
    return absent
  }

  /** Follows a link to what is here; false when its block must be asked for. */
  async #follow(place: Place): Promise<boolean> {
    this.#signal.throwIfAborted()
    if (++this.#followed % followsPerTurn === 0) await nextTurn()
    const { cid } = place
    const inline = inlineBytes(cid)
    if (inline !== undefined) this.#frontier.expand(place, linksOf(cid, inline))
    else if (this.#isAskedFor(cid)) this.#frontier.drop(place)
    else return (await this.#revisit(place)) || this.#copy(place)
    return true
  }

  /** Follows a block that is in the sink; false when it is not. */
  async #revisit(place: Place): Promise<boolean> {
    const { cid } = place
    const { onReuse, sink } = this.#parts
    const isEnd = isLeaf(cid)
    const ordinal = sink.ordinalOf(cid)
    if (ordinal === undefined) return false
    if (this.#visited.add(cid.code, ordinal)) {
      const size = await sink.size(cid, { signal: this.#signal })
      this.#count(ordinal, size)
      onReuse(ordinal, size)
      const links = isEnd ? [] : linksOf(cid, await sink.get(cid, { signal: this.#signal }))
      this.#frontier.expand(place, links)
    } else {
      this.#frontier.drop(place)
    }
    return true
  }

  /** Copies a block that another source here has, so that the sink is whole; false when none has. */
  async #copy(place: Place): Promise<boolean> {
    const { cid } = place
    const bytes = await readLocal(this.#parts.local, cid, this.#signal)
    if (bytes === undefined) return false
    const ordinal = await this.#parts.sink.append({ cid, bytes })
    this.#parts.onReuse(ordinal, bytes.length)
    this.#expand(place, bytes, ordinal)
    return true
  }

  /** Asks for a block and follows it when it comes. Never rejects: a failure ends the walk. */
  async #bring(place: Place): Promise<void> {
    const { wants, window } = this.#parts
    const { cid } = place
    const key = cidKey(cid)
    const { arrival, leave } = wants.join(cid)
    let size: number | undefined
    this.#coming.set(key, leave)
    try {
      const { bytes, ordinal } = await arrival
      size = bytes.length
      this.#expand(place, bytes, ordinal)
    } catch (error) {
      if (error instanceof FetchIncompleteError) this.#miss(place)
      else this.#failed.abort(error)
    } finally {
      leave()
      this.#coming.delete(key)
      window.leave(size)
      this.#change.resolve()
      this.#change = Promise.withResolvers()
    }
  }

  #expand(place: Place, bytes: Uint8Array, ordinal: number): void {
    const { cid } = place
    const isNew = this.#visited.add(cid.code, ordinal)
    this.#count(ordinal, bytes.length)
    this.#frontier.expand(place, isNew ? linksOf(cid, bytes) : [])
  }

  #count(ordinal: number, size: number): void {
    if (!this.#visited.add(anyCodec, ordinal)) return
    this.#report.blocks += 1
    this.#report.bytes += size
  }

  #isAskedFor(cid: CID): boolean {
    const key = cidKey(cid)
    return this.#coming.has(key) || this.#missing.has(key)
  }

  #miss(place: Place): void {
    this.#missing.set(cidKey(place.cid), place.cid)
    this.#frontier.drop(place)
    if (this.#missing.size >= this.#parts.config.missingMax) this.#failed.abort(this.#incomplete())
  }

  #incomplete(): FetchIncompleteError {
    return new FetchIncompleteError([...this.#missing.values().take(namedMax)], this.#missing.size)
  }
}

async function readLocal(
  local: BlockSource,
  cid: CID,
  signal: AbortSignal
): Promise<Uint8Array | undefined> {
  if (!(await local.has(cid, { signal }))) return undefined
  try {
    return await local.get(cid, { signal })
  } catch (error) {
    if (error instanceof BlockMissingError) return undefined // it was taken away, or no shard that names it can read it
    throw error
  }
}
