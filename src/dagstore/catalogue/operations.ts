import type { ErrorCode } from '../../errors.ts'
import type { Spill } from '../lookup/lookup.ts'
import type { MountFacts } from '../mounts/mount.ts'
import type { AnnouncePolicy } from '../../shards.ts'

/** Which registration of a shard work was done for. Work for an older one changes nothing. */
export interface ShardVersion {
  readonly id: number
  readonly generation: number
}

/** The version alone: operations are sent to a worker and take no other field. */
export function versionOf({ id, generation }: ShardVersion): ShardVersion {
  return { id, generation }
}

export interface Registration {
  readonly key: string
  readonly mount: string
  readonly owned: boolean
  readonly lazy: boolean
  readonly announce: AnnouncePolicy
  readonly facts: MountFacts
  /** JSON list of CIDs. */
  readonly roots: string
}

/** Every write of the catalogue: what goes in and what comes out. Plain values, sent to the worker. */
export interface Operations {
  /** False: the key is taken, nothing was written. */
  register: { in: Registration; out: boolean }
  /** Gives the shard a new seq, which is returned; undefined when the version is an older one. */
  index: {
    in: ShardVersion & { facts: MountFacts; roots: string; blocks: number; bytes: number }
    out: number | undefined
  }
  /** False, here and below: the version is an older one, nothing was written. */
  mark: {
    in: ShardVersion & { health: 'damaged' | 'failed'; code: ErrorCode; message: string }
    out: boolean
  }
  /** The shard is well; its file is now as `facts` say. */
  restore: { in: ShardVersion & { facts: MountFacts }; out: boolean }
  /** Drops the shard's seq and moves it to the next generation, to be indexed anew. */
  reindex: { in: ShardVersion & { facts: MountFacts }; out: boolean }
  /**
   * Leaves a tombstone. An owned CAR is doomed until `bury`, or, where other shards are over it too,
   * theirs from now on.
   */
  destroy: { in: ShardVersion; out: boolean }
  /** The doomed CAR at this URL is deleted. */
  bury: { in: { car: string }; out: undefined }
  /** The list of runs and the watermark, swapped in one step. */
  spill: { in: Spill; out: undefined }
  note: { in: { name: string; bytes: Uint8Array }; out: undefined }
}

export type OperationName = keyof Operations

export type Operation = {
  [Name in OperationName]: { readonly type: Name; readonly input: Operations[Name]['in'] }
}[OperationName]

/** What became of one operation of a batch. An error is that operation's own. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string; readonly errcode: number | undefined }
