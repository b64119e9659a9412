import type { CID } from 'multiformats/cid'

/**
 * Every way in which Cardock says no. Closed: a program can switch over it. A class lives in the
 * `errors.ts` of the room that throws it.
 */
export type ErrorCode =
  | 'BLOCK_MISMATCH'
  | 'BLOCK_MISSING'
  | 'CAR_INVALID'
  | 'CAR_LIMIT'
  | 'CAR_TRUNCATED'
  | 'CATALOGUE_FAILED'
  | 'CID_INVALID'
  | 'CLOSED'
  | 'CODEC_INVALID'
  | 'CODEC_UNKNOWN'
  | 'CONFIG_INVALID'
  | 'FETCH_INCOMPLETE'
  | 'HASH_UNSUPPORTED'
  | 'IDLE_TIMEOUT'
  | 'IMPORT_FAILED'
  | 'INDEX_CORRUPT'
  | 'INDEX_UNSUPPORTED'
  | 'INTERRUPTED'
  | 'LIMIT_EXCEEDED'
  | 'LISTEN_FAILED'
  | 'MOUNT_CHANGED'
  | 'MOUNT_UNAVAILABLE'
  | 'MOUNT_UNSUPPORTED'
  | 'NOT_A_DIRECTORY'
  | 'NOT_A_FILE'
  | 'OFFLINE'
  | 'OUTPUT_CLOSED'
  | 'PATH_NOT_FOUND'
  | 'PATH_UNSAFE'
  | 'PROVIDERS_NOT_FOUND'
  | 'PROVIDE_FAILED'
  | 'REPO_LOCKED'
  | 'REPO_VERSION'
  | 'RESOURCE_EXHAUSTED'
  | 'RPC_FAILED'
  | 'RPC_UNREACHABLE'
  | 'SHARD_DESTROYED'
  | 'SHARD_EXISTS'
  | 'SHARD_FAILED'
  | 'SHARD_IN_USE'
  | 'SHARD_KEY_INVALID'
  | 'SHARD_UNKNOWN'
  | 'TIMEOUT'
  | 'USAGE_INVALID'
  | 'WRITER_POISONED'

/** Base of every error that Cardock throws. `code` is for programs, `message` for people. */
export abstract class CardockError extends Error {
  abstract readonly code: ErrorCode

  override get name(): string {
    return this.constructor.name
  }
}

/** The bytes are not those that the CID names. */
export class BlockMismatchError extends CardockError {
  readonly code = 'BLOCK_MISMATCH'
  readonly cid: CID

  constructor(cid: CID, options?: ErrorOptions) {
    super(`bytes do not match ${cid}: they were not used`, options)
    this.cid = cid
  }
}

/** How a block is missing: no shard names it, every shard that does failed, or it is on its way. */
export type MissingReason = 'unknown' | 'failed' | 'fetching'

/** No source could supply the block; `cause` holds an error per source asked, where any was. */
export class BlockMissingError extends CardockError {
  readonly code = 'BLOCK_MISSING'
  readonly cid: CID
  readonly reason: MissingReason

  constructor(cid: CID, options?: ErrorOptions & { reason?: MissingReason }) {
    const reason = options?.reason ?? 'unknown'
    super(`block ${cid} is not here (${missingText[reason]})`, options)
    this.cid = cid
    this.reason = reason
  }
}

const missingText: Record<MissingReason, string> = {
  unknown: 'no shard names it',
  failed: 'every shard that names it failed to read it',
  fetching: 'it is being fetched'
}

/** The multihash proves nothing here: its function is not known, or its digest is too short. */
export class HashUnsupportedError extends CardockError {
  readonly code = 'HASH_UNSUPPORTED'

  constructor(hashCode: number, what: string) {
    super(`multihash function 0x${hashCode.toString(16)} ${what}, so no block of it is used`)
  }
}

/** Something grew to a configured bound and was stopped there. */
export class LimitExceededError extends CardockError {
  readonly code = 'LIMIT_EXCEEDED'

  constructor(what: string, max: number, setting: string) {
    super(`${what}: over the limit of ${max} (setting ${setting})`)
  }
}

/** The thing was used after its `close()`. */
export class ClosedError extends CardockError {
  readonly code = 'CLOSED'

  constructor(what: string) {
    super(`${what} is closed`)
  }
}
