import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { nextState, serves, stateName } from '../../src/dagstore/shard.ts'
import type { ShardEvent, ShardState } from '../../src/dagstore/shard.ts'
import { shardStateNames } from '../../src/shards.ts'

const events: readonly ShardEvent[] = [
  'initialise',
  'recover',
  'reindex',
  'indexed',
  'interrupt',
  'fail',
  'damage',
  'restore',
  'acquire',
  'release',
  'destroy'
]

/** Every state there is, with no lease and with two. */
const states: ShardState[] = []
for (const fact of ['registered', 'indexed', 'destroyed'] as const) {
  for (const health of ['ok', 'damaged', 'failed'] as const) {
    for (const activity of ['idle', 'initialising', 'recovering'] as const) {
      for (const leases of [0, 2]) states.push({ fact, health, activity, leases })
    }
  }
}

/**
 * Which events a state takes, by `fact health activity`; what is not listed takes what `busy` or
 * `destroyed` says. `release` and `destroy` depend on leases alone.
 */
const legal: Record<string, readonly ShardEvent[]> = {
  'registered ok idle': ['initialise', 'fail'],
  'registered damaged idle': ['fail'],
  'registered failed idle': ['recover', 'fail'],
  'indexed ok idle': ['damage', 'acquire', 'fail'],
  'indexed damaged idle': ['damage', 'restore', 'acquire', 'fail'],
  'indexed failed idle': ['recover', 'restore', 'fail']
}
const busy: readonly ShardEvent[] = ['indexed', 'interrupt', 'fail']

const rank = { registered: 0, indexed: 1, destroyed: 2 } as const

function legalIn({ fact, health, activity, leases }: ShardState): ShardEvent[] {
  if (fact === 'destroyed') return []
  const own = [...(legal[`${fact} ${health} ${activity}`] ?? busy)]
  if (activity === 'recovering') own.push('reindex')
  return [...own, leases > 0 ? 'release' : 'destroy']
}

describe('nextState', () => {
  for (const state of states) {
    const name = `${state.fact} ${state.health} ${state.activity} with ${state.leases} leases`
    it(`takes the legal events and refuses the others: ${name}`, () => {
      const taken = events.filter(event => nextState(state, event) !== undefined)
      assert.deepEqual(taken.toSorted(), legalIn(state).toSorted())
    })
  }

  it('T-102 keeps a failed shard failed when its last reader leaves', () => {
    const read: ShardState = { fact: 'indexed', health: 'ok', activity: 'idle', leases: 1 }
    const failed = after(read, 'fail')
    assert.equal(stateName(failed), 'ShardStateErrored')
    assert.equal(stateName(after(failed, 'release')), 'ShardStateErrored')
  })

  it('keeps serving the other blocks of a damaged shard', () => {
    const indexed: ShardState = { fact: 'indexed', health: 'ok', activity: 'idle', leases: 0 }
    assert.ok(serves(after(indexed, 'damage')))
  })

  it('holds its invariants over any run of events', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 60 }), run => {
        let state: ShardState = { fact: 'registered', health: 'ok', activity: 'idle', leases: 0 }
        for (const event of run) {
          const next = nextState(state, event)
          if (next === undefined) continue
          assert.ok(next.leases >= 0)
          assert.ok(shardStateNames.includes(stateName(next)))
          if (event === 'acquire') assert.ok(serves(state), 'a lease on what cannot serve')
          if (event === 'release') assert.equal(next.health, state.health)
          if (next.fact === 'destroyed') assert.equal(next.leases, 0)
          if (event !== 'reindex') assert.ok(rank[next.fact] >= rank[state.fact])
          state = next
        }
      })
    )
  })
})

function after(state: ShardState, event: ShardEvent): ShardState {
  const next = nextState(state, event)
  assert.ok(next !== undefined, `${event} is refused`)
  return next
}
