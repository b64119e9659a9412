/** Words about shards that the store, the config, the RPC and the command line have in common. */

/** In the order of a shard's life. */
export const shardStateNames = [
  'ShardStateNew',
  'ShardStateInitializing',
  'ShardStateAvailable',
  'ShardStateServing',
  'ShardStateErrored',
  'ShardStateRecovering'
] as const

/** As in the Go dagstore, so that what operators know and script still holds. */
export type ShardStateName = (typeof shardStateNames)[number]

export const announcePolicies = ['all', 'roots', 'none'] as const

/** What is announced of a shard: every block, its roots, nothing. */
export type AnnouncePolicy = (typeof announcePolicies)[number]
