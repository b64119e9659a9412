import type { AbortOptions } from '../../abort.ts'

/** What a file was when it was indexed. Integers wider than a double can hold are bigints. */
export interface MountFacts {
  readonly size: number
  readonly mtimeNs: bigint
  /** As a signed 64-bit integer, whatever the file system calls it. */
  readonly inode: bigint
  /** SHA-256 of the first 64 KiB, or of all when there is less. */
  readonly headHash: Uint8Array
  /** SHA-256 of the last 64 KiB, or of all when there is less. */
  readonly tailHash: Uint8Array
}

/** How a mount compares with the facts that were remembered of it. */
export type MountCheck =
  | { readonly type: 'same' }
  /** Size, head and tail are equal, time or inode are not: restored, or edited in the middle. */
  | { readonly type: 'touched'; readonly facts: MountFacts }
  | { readonly type: 'changed'; readonly what: string }
  | { readonly type: 'missing'; readonly cause: unknown }

/** Where the bytes of a shard are. */
export interface Mount {
  /** Says the same of the mount in every run; kept in the catalogue. */
  readonly url: string
  /** The local file that holds the bytes. */
  readonly path: string
  /** @throws MOUNT_UNAVAILABLE when there is nothing to read */
  inspect(options?: AbortOptions): Promise<MountFacts>
  /** Never throws for what is wrong with the mount. */
  check(known: MountFacts, options?: AbortOptions): Promise<MountCheck>
}
