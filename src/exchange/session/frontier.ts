import { CID } from 'multiformats/cid'
import { LimitExceededError } from '../../errors.ts'
import type { FetchConfig } from './config.ts'

/** A link that was taken and whose block is not known yet: its children go where it stands. */
export interface Place {
  readonly cid: CID
}

/** Links that follow one another and that nobody has taken, as CID bytes: 36 a link, not 300. */
interface Run {
  readonly packed: Uint8Array
  offset: number
}

/** An element of the list: a place, a run, or the end of the list, which is neither. */
interface Entry {
  readonly place?: Place
  readonly run?: Run
  before: Entry
  after: Entry
}

/**
 * What a walk has still to follow, in depth-first order. Blocks may come in any order: each one's
 * links are put where the link to it stood, so that the next link is always the first one of the
 * traversal that nobody has taken.
 */
export class Frontier {
  readonly #config: FetchConfig
  readonly #end: Entry
  readonly #entries = new Map<Place, Entry>()
  #bytes = 0

  constructor(root: CID, config: FetchConfig) {
    this.#config = config
    const end: Partial<Entry> = {}
    this.#end = Object.assign(end, { before: end as Entry, after: end as Entry })
    this.#insertRun([root], this.#end)
  }

  /** Takes the first link that was not taken; undefined when there is none for now. */
  next(): Place | undefined {
    // As many places as wants are in flight can stand before it.
    let entry = this.#end.after
    while (entry.place !== undefined) entry = entry.after
    const { run } = entry
    if (run === undefined) return undefined
    const [cid, rest] = CID.decodeFirst(run.packed.subarray(run.offset))
    run.offset = run.packed.length - rest.length
    const place = { cid }
    this.#entries.set(place, insert({ place }, entry))
    if (rest.length === 0) this.#removeRun(entry, run)
    return place
  }

  /**
   * The block at `place` came: its links stand there now.
   *
   * @throws LIMIT_EXCEEDED when the links are longer, or more, than the config allows
   */
  expand(place: Place, links: readonly CID[]): void {
    const entry = this.#take(place)
    if (links.length > 0) this.#insertRun(links, entry.after)
  }

  /** Nothing more is to be followed at `place`. */
  drop(place: Place): void {
    this.#take(place)
  }

  #take(place: Place): Entry {
    const entry = this.#entries.get(place)
    if (entry === undefined) throw new Error(`${place.cid} is not on this frontier`)
    this.#entries.delete(place)
    remove(entry)
    return entry
  }

  #insertRun(links: readonly CID[], after: Entry): void {
    const { cidBytesMax, frontierBytesMax } = this.#config
    const long = links.find(link => link.bytes.length > cidBytesMax)
    if (long !== undefined) {
      const what = `a link of ${long.bytes.length} bytes`
      throw new LimitExceededError(what, cidBytesMax, 'cidBytesMax')
    }
    // Also a copy: a link is a view into its block, which must not stay in memory for it.
    const packed = Buffer.concat(links.map(link => link.bytes))
    this.#bytes += packed.length
    if (this.#bytes > frontierBytesMax) {
      throw new LimitExceededError('links to follow', frontierBytesMax, 'frontierBytesMax')
    }
    insert({ run: { packed, offset: 0 } }, after)
  }

  #removeRun(entry: Entry, run: Run): void {
    this.#bytes -= run.packed.length
    remove(entry)
  }
}

function insert(content: Pick<Entry, 'place' | 'run'>, after: Entry): Entry {
  const entry = { ...content, before: after.before, after }
  after.before.after = entry
  after.before = entry
  return entry
}

function remove({ before, after }: Entry): void {
  before.after = after
  after.before = before
}
