import type { ErrorCode } from '../errors.ts'

/* What an error says is at fault. What is in none of these sets says nothing about a shard. */

/** The index: it can be made again from the CAR. */
export const blamesIndex: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INDEX_CORRUPT',
  'INDEX_UNSUPPORTED'
])

/** The file, which is not there or not as it was: it may be so again. */
export const blamesMount: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MOUNT_CHANGED',
  'MOUNT_UNAVAILABLE'
])

/** Bytes of an indexed CAR that cannot be read or are not those that were indexed. */
export const blamesBytes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BLOCK_MISMATCH',
  'CAR_INVALID',
  'CAR_TRUNCATED',
  'MOUNT_UNAVAILABLE'
])

/** The store itself, or nobody: the shard's initialisation ended early. */
export const blamesStore: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CATALOGUE_FAILED',
  'CLOSED',
  'RESOURCE_EXHAUSTED',
  'SHARD_DESTROYED'
])
