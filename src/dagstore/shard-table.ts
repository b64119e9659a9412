import type { Catalogue } from './catalogue/catalogue.ts'
import type { ShardRecord } from './catalogue/records.ts'
import type { CixReader } from './cix/reader.ts'
import { ShardUnknownError } from './errors.ts'
import type { Mount } from './mounts/mount.ts'
import { openMount } from './mounts/open-mount.ts'
import { nextState, stateName } from './shard.ts'
import type { ShardEvent, ShardState } from './shard.ts'

/** Work on a shard that many may wait for. It belongs to the shard, not to who asked first. */
export interface ShardWork {
  /** Settled when the work is over; rejects with why it gave no result. */
  readonly done: Promise<void>
  /** Ends it early, for this reason. */
  cancel(reason: Error): void
}

/** A shard in this process: what the catalogue says of it, and what goes on. */
export class LiveShard {
  record: ShardRecord
  readonly mount: Mount
  work: ShardWork | undefined
  /** Reads its index; made at the first need, shared, and dropped when the index is replaced. */
  index: Promise<CixReader> | undefined
  /** When a file that could not be read is worth another try; from `performance.now()`. */
  retryAt = 0
  #state: ShardState

  constructor(record: ShardRecord) {
    this.record = record
    this.mount = openMount(record.mount)
    this.#state = restingState(record)
  }

  get key(): string {
    return this.record.key
  }

  get state(): ShardState {
    return this.#state
  }

  /** False when the event has no place in the shard's state, which then stays as it is. */
  apply(event: ShardEvent): boolean {
    const next = nextState(this.#state, event)
    if (next === undefined) return false
    this.#state = next
    return true
  }
}

/** State of a shard that nobody uses. */
export function restingState({ seq, health }: ShardRecord): ShardState {
  const fact = seq === undefined ? 'registered' : 'indexed'
  return { fact, health, activity: 'idle', leases: 0 }
}

/**
 * The shards that somebody uses, one object a key for as long as anybody holds it: leases and work
 * are on it. Those used last are kept ready, the others are the catalogue's alone, so that memory
 * does not grow with the number of shards.
 */
export class ShardTable {
  readonly #catalogue: Catalogue
  readonly #readyMax: number
  readonly #held = new Map<string, WeakRef<LiveShard>>()
  /** Least recently used first. */
  readonly #ready = new Map<string, LiveShard>()
  /** Those of them that are indexed, under their present seqs: each block that is read asks here. */
  readonly #bySeq = new Map<number, LiveShard>()
  readonly #dropped = new FinalizationRegistry<string>(key => {
    if (this.#held.get(key)?.deref() === undefined) this.#held.delete(key)
  })

  constructor(catalogue: Catalogue, { readyMax }: { readonly readyMax: number }) {
    this.#catalogue = catalogue
    this.#readyMax = readyMax
  }

  /** @throws SHARD_UNKNOWN */
  get(key: string): LiveShard {
    const shard = this.find(key)
    if (shard === undefined) throw new ShardUnknownError(key)
    return shard
  }

  find(key: string): LiveShard | undefined {
    const shard = this.#held.get(key)?.deref() ?? this.#load(key)
    if (shard === undefined || shard.state.fact === 'destroyed') return undefined
    this.#touch(shard)
    return shard
  }

  /** The shard whose present index has this seq. */
  findBySeq(seq: number): LiveShard | undefined {
    const ready = this.#bySeq.get(seq)
    if (ready !== undefined && ready.state.fact !== 'destroyed') {
      this.#touch(ready)
      return ready
    }
    const key = this.#catalogue.keyOfSeq(seq)
    const shard = key === undefined ? undefined : this.find(key)
    return shard?.record.seq === seq ? shard : undefined
  }

  /** The shard if it is in this process: what goes on with it, without making it ready. */
  peek(key: string): LiveShard | undefined {
    return this.#held.get(key)?.deref()
  }

  /** Shards with a state that the catalogue does not have, because something goes on. */
  *active(): Generator<LiveShard> {
    for (const held of this.#held.values()) {
      const shard = held.deref()
      if (shard === undefined || shard.state.fact === 'destroyed') continue
      const { state, record } = shard
      const isResting = stateName(state) === stateName(restingState(record))
      // At the end of its work the catalogue is a moment ahead of `record`.
      if (state.activity !== 'idle' || !isResting) yield shard
    }
  }

  /** Takes over what the catalogue says now. */
  refresh(shard: LiveShard): void {
    const record = this.#catalogue.shard(shard.key)
    if (record?.id !== shard.record.id) return
    this.#unlist(shard)
    shard.record = record
  }

  /** The key is free: its shard was destroyed. */
  forget(shard: LiveShard): void {
    if (this.#held.get(shard.key)?.deref() !== shard) return
    this.#held.delete(shard.key)
    this.#ready.delete(shard.key)
    this.#unlist(shard)
  }

  #load(key: string): LiveShard | undefined {
    const record = this.#catalogue.shard(key)
    if (record === undefined) return undefined
    const shard = new LiveShard(record)
    this.#held.set(key, new WeakRef(shard))
    this.#dropped.register(shard, key)
    return shard
  }

  #touch(shard: LiveShard): void {
    this.#ready.delete(shard.key)
    this.#ready.set(shard.key, shard)
    if (shard.record.seq !== undefined) this.#bySeq.set(shard.record.seq, shard)
    const [oldest] = this.#ready.values()
    if (this.#ready.size <= this.#readyMax || oldest === undefined) return
    this.#ready.delete(oldest.key)
    this.#unlist(oldest)
  }

  #unlist({ record: { seq } }: LiveShard): void {
    if (seq !== undefined) this.#bySeq.delete(seq)
  }
}
