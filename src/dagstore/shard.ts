/**
 * The life of a shard, as values. What is durable (a fact and a health) is written to the catalogue;
 * what is going on (an activity and leases) is never written, so no crash can restore it wrongly. The
 * six state names of the Go dagstore are a view of both.
 */

import type { ShardStateName } from '../shards.ts'

/** What goes on in this process. */
export type Activity = 'idle' | 'initialising' | 'recovering'

/**
 * `damaged`: bytes were read that do not match their CID; the other blocks are still served, each
 * checked. `failed`: nothing is served.
 */
export type Health = 'ok' | 'damaged' | 'failed'

export interface ShardState {
  readonly fact: 'registered' | 'indexed' | 'destroyed'
  readonly health: Health
  readonly activity: Activity
  /** Accessors that are open. */
  readonly leases: number
}

export type ShardEvent =
  /** The index is being built for the first time. */
  | 'initialise'
  /** A failed shard is to be indexed anew. */
  | 'recover'
  /** Its former index, if any, is void; the catalogue says so. */
  | 'reindex'
  /** The index is on disk and the catalogue says so. */
  | 'indexed'
  /** Work ended with no result, through no fault of the shard. */
  | 'interrupt'
  /** The shard can serve nothing. */
  | 'fail'
  /** A block did not match its CID. */
  | 'damage'
  /** The file, and the index made of it, are as they were. */
  | 'restore'
  | 'acquire'
  | 'release'
  | 'destroy'

/** The state after `event`; undefined when the event has no place in `state`. */
export function nextState(state: ShardState, event: ShardEvent): ShardState | undefined {
  if (state.fact === 'destroyed') return undefined
  switch (event) {
    case 'initialise':
      return isIdle(state) && state.fact === 'registered' && state.health === 'ok'
        ? { ...state, activity: 'initialising' }
        : undefined
    case 'recover':
      return isIdle(state) && state.health === 'failed'
        ? { ...state, activity: 'recovering' }
        : undefined
    case 'reindex':
      return state.activity === 'recovering'
        ? { ...state, fact: 'registered', health: 'ok' }
        : undefined
    case 'indexed':
      return isIdle(state)
        ? undefined
        : { ...state, fact: 'indexed', health: 'ok', activity: 'idle' }
    case 'interrupt':
      return isIdle(state) ? undefined : { ...state, activity: 'idle' }
    case 'fail':
      return { ...state, health: 'failed', activity: 'idle' }
    case 'damage':
      return serves(state) ? { ...state, health: 'damaged' } : undefined
    case 'restore':
      return isIdle(state) && state.fact === 'indexed' && state.health !== 'ok'
        ? { ...state, health: 'ok' }
        : undefined
    case 'acquire':
      return serves(state) ? { ...state, leases: state.leases + 1 } : undefined
    case 'release':
      return state.leases > 0 ? { ...state, leases: state.leases - 1 } : undefined
    case 'destroy':
      return state.leases === 0 ? { ...state, fact: 'destroyed', activity: 'idle' } : undefined
  }
}

/** Blocks can be read from it. */
export function serves(state: ShardState): boolean {
  return isIdle(state) && state.fact === 'indexed' && state.health !== 'failed'
}

/** The state under the name that the Go dagstore gives it. A destroyed shard has none left. */
export function stateName(state: ShardState): ShardStateName {
  if (state.activity === 'recovering') return 'ShardStateRecovering'
  if (state.activity === 'initialising') return 'ShardStateInitializing'
  if (state.health === 'failed') return 'ShardStateErrored'
  if (state.fact === 'registered') return 'ShardStateNew'
  return state.leases > 0 ? 'ShardStateServing' : 'ShardStateAvailable'
}

function isIdle(state: ShardState): boolean {
  return state.activity === 'idle'
}
