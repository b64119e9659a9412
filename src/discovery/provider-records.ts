import { type AbortOptions as Libp2pAbortOptions } from '@libp2p/interface'
import { type Datastore, Key } from 'interface-datastore'
import { LimitExceededError } from '../errors.ts'

export interface RecordBounds {
  /** What the DHT keeps is under this. */
  readonly prefix: string
  /** Our own id: what we hold ourselves is always taken. */
  readonly self: string
  /** Records of others, inclusive. */
  readonly recordsMax: number
}

/**
 * The datastore of one DHT, in which others can make only so many provider records: kad-dht takes
 * whatever it is sent. Nor does it remove old ones, but in the round in which it also announces again
 * what we gave up; so that round is off, and `removeOld` is called now and then.
 */
export class ProviderRecords {
  /** As kad-dht is to see it. */
  readonly datastore: Datastore
  readonly #inner: Datastore
  readonly #folder: string
  readonly #self: string
  readonly #max: number
  /** Since the last count of them all. */
  #count = 0

  constructor(inner: Datastore, { prefix, self, recordsMax }: RecordBounds) {
    this.#inner = inner
    this.#folder = `${prefix}/provider/`
    this.#self = self
    this.#max = recordsMax
    const put: Datastore['put'] = async (key, value, options) => {
      await this.#admit(key, options)
      return inner.put(key, value, options)
    }
    this.datastore = new Proxy(inner, {
      get(target, name): unknown {
        const value: unknown = name === 'put' ? put : Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
  }

  /** Removes those older than `maxAgeMs`; how many. */
  async removeOld({
    maxAgeMs,
    signal
  }: {
    readonly maxAgeMs: number
    readonly signal: AbortSignal
  }): Promise<number> {
    const limit = Date.now() - maxAgeMs
    let [kept, removed] = [0, 0]
    for await (const { key, value } of this.#inner.query({ prefix: this.#folder }, { signal })) {
      if (readVarint(value) >= limit) {
        kept += 1
        continue
      }
      await this.#inner.delete(new Key(key.toString()), { signal })
      removed += 1
    }
    this.#count = kept
    return removed
  }

  async #admit(key: Key, options: Libp2pAbortOptions | undefined): Promise<void> {
    const name = key.toString()
    if (!name.startsWith(this.#folder) || name.endsWith(`/${this.#self}`)) return
    if (await this.#inner.has(key, options)) return
    if (this.#count >= this.#max) {
      throw new LimitExceededError('provider records of others', this.#max, 'recordsMax')
    }
    this.#count += 1
  }
}

/** A record is its time: ms since 1970. */
function readVarint(bytes: Uint8Array): number {
  let value = 0
  for (const [index, byte] of bytes.entries()) value += (byte & 127) * 128 ** index
  return value
}
