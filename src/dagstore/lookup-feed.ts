import type { Log } from '../log.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import type { Lookup } from './lookup/lookup.ts'

interface FeedParts {
  readonly lookup: Lookup
  readonly catalogue: Catalogue
  readonly log: Log
  readonly config: { readonly reloadShardsMax: number }
}

/**
 * Puts indices into the lookup, and has it written out when it is full or when too many indices would
 * have to be read again at the next open.
 */
export class LookupFeed {
  readonly #lookup: Lookup
  readonly #catalogue: Catalogue
  readonly #log: Log
  readonly #reloadMax: number
  /** Indices that no run has. */
  #unwritten = 0
  #spilling: Promise<void> | undefined

  constructor({ lookup, catalogue, log, config }: FeedParts) {
    this.#lookup = lookup
    this.#catalogue = catalogue
    this.#log = log
    this.#reloadMax = config.reloadShardsMax
  }

  /** Of one index. From now on its blocks are found. */
  async add(seq: number, fingerprints: Float64Array): Promise<void> {
    // No more is put into memory than what is full already while that is being written out.
    if (this.#lookup.full) await this.#spilling
    await this.#lookup.add(seq, fingerprints)
    this.#unwritten += 1
    if (this.#lookup.full || this.#unwritten >= this.#reloadMax) this.#spilling ??= this.#spill()
  }

  /** Waits until nothing is being written out. */
  async settled(): Promise<void> {
    await this.#spilling
  }

  /** Writes out what would make the next open slow; a few indices are not worth a run. */
  async close(): Promise<void> {
    await this.settled()
    if (this.#unwritten * 4 >= this.#reloadMax) await this.#spill()
  }

  /** What could not be written stays in memory and answers; the next index that is added tries again. */
  async #spill(): Promise<void> {
    const writing = this.#unwritten
    try {
      await this.#catalogue.write('spill', await this.#lookup.spill())
      this.#unwritten -= writing
    } catch (error) {
      this.#log.error({ err: error }, 'the lookup could not be written out')
    } finally {
      this.#spilling = undefined
    }
  }
}
