import { CID } from 'multiformats/cid'
import type { ErrorCode } from '../../errors.ts'
import type { MountFacts } from '../mounts/mount.ts'
import type { AnnouncePolicy } from '../../shards.ts'
import type { Health } from '../shard.ts'

/** A shard as the catalogue has it. */
export interface ShardRecord {
  readonly id: number
  readonly key: string
  readonly generation: number
  /** URL. */
  readonly mount: string
  /** The CAR is ours to delete. */
  readonly owned: boolean
  readonly lazy: boolean
  readonly announce: AnnouncePolicy
  /** Of the file, when it was registered or last indexed. */
  readonly facts: MountFacts
  readonly roots: readonly CID[]
  /** Set when the shard is indexed. */
  readonly seq: number | undefined
  /** Unique multihashes; 0 until the shard is indexed. */
  readonly blocks: number
  /** Of the CARv1 payload; 0 until the shard is indexed. */
  readonly bytes: number
  readonly health: Health
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined
}

export type Row = Record<string, unknown>

/** Columns that `recordOf` reads. Integers that a double cannot hold come as text. */
export const recordColumns = `
  shards.id, key, generation, mount, owned, lazy, announce, size,
  CAST(mtime_ns AS TEXT) AS mtime_ns, CAST(inode AS TEXT) AS inode, head_hash, tail_hash,
  roots, seq, blocks, bytes, health, error_code, error_message`

interface ShardRow {
  readonly id: number
  readonly key: string
  readonly generation: number
  readonly mount: string
  readonly owned: number
  readonly lazy: number
  readonly announce: AnnouncePolicy
  readonly size: number
  readonly mtime_ns: string
  readonly inode: string
  readonly head_hash: Uint8Array
  readonly tail_hash: Uint8Array
  readonly roots: string
  readonly seq: number | null
  readonly blocks: number
  readonly bytes: number
  readonly health: Health
  readonly error_code: ErrorCode | null
  readonly error_message: string | null
}

/** `row` has the columns of `recordColumns`; their types are the table's. */
export function recordOf(row: Row): ShardRecord {
  const shard = row as unknown as ShardRow
  const { id, key, generation, mount, announce, blocks, bytes, health } = shard
  return {
    id,
    key,
    generation,
    mount,
    announce,
    blocks,
    bytes,
    health,
    owned: shard.owned === 1,
    lazy: shard.lazy === 1,
    facts: {
      size: shard.size,
      mtimeNs: BigInt(shard.mtime_ns),
      inode: BigInt(shard.inode),
      headHash: shard.head_hash,
      tailHash: shard.tail_hash
    },
    roots: decodeRoots(shard.roots),
    seq: shard.seq ?? undefined,
    error:
      shard.error_code === null
        ? undefined
        : { code: shard.error_code, message: shard.error_message ?? '' }
  }
}

export function encodeRoots(roots: readonly CID[]): string {
  return JSON.stringify(roots.map(cid => cid.toString()))
}

function decodeRoots(text: string): CID[] {
  return (JSON.parse(text) as string[]).map(cid => CID.parse(cid))
}
