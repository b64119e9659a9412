import { CardockError } from '../errors.ts'

/** Bytes that are not a CAR, or that break its rules at `offset`. */
export class CarInvalidError extends CardockError {
  readonly code = 'CAR_INVALID'
  readonly offset: number

  constructor(what: string, offset: number, options?: ErrorOptions) {
    super(`${what} (at byte ${offset})`, options)
    this.offset = offset
  }
}

/** A size in a CAR passes a configured bound. */
export class CarLimitError extends CardockError {
  readonly code = 'CAR_LIMIT'
  readonly offset: number

  constructor(what: string, offset: number, size: number, max: number) {
    super(`${what} of ${size} bytes is over the limit of ${max} (at byte ${offset})`)
    this.offset = offset
  }
}

/** The CAR ends before what it says it holds. */
export class CarTruncatedError extends CardockError {
  readonly code = 'CAR_TRUNCATED'
  readonly offset: number

  constructor(what: string, offset: number, options?: ErrorOptions) {
    super(`unexpected end: ${what} (at byte ${offset})`, options)
    this.offset = offset
  }
}

/** An index that does not hold together; it is made again from its CAR. */
export class IndexCorruptError extends CardockError {
  readonly code = 'INDEX_CORRUPT'

  constructor(what: string, options?: ErrorOptions) {
    super(`corrupt index: ${what}`, options)
  }
}

/** An index of a version or shape that this Cardock does not read. */
export class IndexUnsupportedError extends CardockError {
  readonly code = 'INDEX_UNSUPPORTED'

  constructor(what: string, options?: ErrorOptions) {
    super(`unsupported index: ${what}`, options)
  }
}

export class ShardUnknownError extends CardockError {
  readonly code = 'SHARD_UNKNOWN'

  constructor(key: string) {
    super(`no shard ${JSON.stringify(key)}: see 'cardock dagstore list-shards'`)
  }
}

export class ShardExistsError extends CardockError {
  readonly code = 'SHARD_EXISTS'

  constructor(key: string) {
    super(
      `shard ${JSON.stringify(key)} is registered already, over another file: choose another key`
    )
  }
}

/** A shard with readers cannot be destroyed. */
export class ShardInUseError extends CardockError {
  readonly code = 'SHARD_IN_USE'

  constructor(key: string, leases: number) {
    super(
      `shard ${JSON.stringify(key)} has ${leases} active references: try again when they are closed`
    )
  }
}

/** The shard is in errored state; `cause` is why. */
export class ShardFailedError extends CardockError {
  readonly code = 'SHARD_FAILED'

  constructor(key: string, reason: string, options?: ErrorOptions) {
    super(`shard ${JSON.stringify(key)} is in errored state: ${reason}`, options)
  }
}

/** The shard was destroyed while the caller waited for it. */
export class ShardDestroyedError extends CardockError {
  readonly code = 'SHARD_DESTROYED'

  constructor(key: string) {
    super(`shard ${JSON.stringify(key)} was destroyed meanwhile`)
  }
}

export class ShardKeyInvalidError extends CardockError {
  readonly code = 'SHARD_KEY_INVALID'

  constructor(key: string, why: string) {
    super(`shard key ${JSON.stringify(key.slice(0, 80))} cannot be used: ${why}`)
  }
}

/** The file behind a shard is not there or cannot be read. */
export class MountUnavailableError extends CardockError {
  readonly code = 'MOUNT_UNAVAILABLE'

  constructor(url: string, options?: ErrorOptions) {
    super(`${url} cannot be read: put the file back where it was`, options)
  }
}

/** The file behind a shard is not the one that was indexed. */
export class MountChangedError extends CardockError {
  readonly code = 'MOUNT_CHANGED'

  constructor(url: string, what: string) {
    super(
      `${url} has changed since it was indexed (${what}): destroy the shard and register it again`
    )
  }
}

export class MountUnsupportedError extends CardockError {
  readonly code = 'MOUNT_UNSUPPORTED'

  constructor(url: string, options?: ErrorOptions) {
    super(`${url} is not a mount that this Cardock reads: give a path or a file: URL`, options)
  }
}

/** The catalogue refused a read or write. */
export class CatalogueFailedError extends CardockError {
  readonly code = 'CATALOGUE_FAILED'

  constructor(what: string, options?: ErrorOptions) {
    super(`catalogue: ${what}`, options)
  }
}

/** This process or its disk ran out of something. It says nothing about a shard. */
export class ResourceExhaustedError extends CardockError {
  readonly code = 'RESOURCE_EXHAUSTED'

  constructor(what: string, options?: ErrorOptions) {
    super(`${what}: free some and try again`, options)
  }
}

/** An fsync failed, so nothing more is written: what the file holds is found out when it is opened again. */
export class WriterPoisonedError extends CardockError {
  readonly code = 'WRITER_POISONED'

  constructor(path: string, options?: ErrorOptions) {
    super(
      `${path} could not be made durable, writing stopped: check the disk, then run the command again`,
      options
    )
  }
}
