import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { resolveFetch } from '../../src/exchange/session/config.ts'
import { Frontier, type Place } from '../../src/exchange/session/frontier.ts'
import { leaf } from './dag.ts'

const cids = Array.from({ length: 64 }, (_, salt) => leaf(salt).cid)
const cidBytes = cids[0]?.bytes.length ?? 0

describe('Frontier', () => {
  it('gives links depth first, whatever order blocks come in', () => {
    const [root, a, b, a1, a2, b1] = cids as [CID, CID, CID, CID, CID, CID]
    const frontier = new Frontier(root, resolveFetch())
    frontier.expand(taken(frontier, root), [a, b])
    const placeOfA = taken(frontier, a)
    const placeOfB = taken(frontier, b)
    assert.equal(frontier.next(), undefined)
    frontier.expand(placeOfB, [b1])
    frontier.expand(placeOfA, [a1, a2])
    taken(frontier, a1)
    taken(frontier, a2)
    taken(frontier, b1)
    assert.equal(frontier.next(), undefined)
  })

  it('does as a plain list does', () => {
    const steps = fc.array(
      fc.record({
        take: fc.boolean(),
        pick: fc.nat(1000),
        links: fc.array(fc.nat(cids.length - 1), { maxLength: 5 })
      }),
      { maxLength: 200 }
    )
    fc.assert(
      fc.property(steps, commands => {
        const frontier = new Frontier(pick(0), resolveFetch())
        let model: Item[] = [{ cid: pick(0) }]
        for (const { take, pick: which, links } of commands) {
          const open = model.filter(item => item.place !== undefined)
          const item = open[which % Math.max(1, open.length)]
          if (take || item?.place === undefined) {
            const first = model.find(({ place }) => place === undefined)
            const place = frontier.next()
            assert.equal(place?.cid.toString(), first?.cid.toString())
            if (first !== undefined) first.place = place
          } else if (links.length === 0) {
            frontier.drop(item.place)
            model = model.filter(other => other !== item)
          } else {
            const children = links.map(link => ({ cid: pick(link) }))
            frontier.expand(
              item.place,
              children.map(({ cid }) => cid)
            )
            model = model.flatMap(other => (other === item ? children : [other]))
          }
        }
      })
    )
  })

  it('holds frontierBytesMax of links and refuses one more', () => {
    const config = resolveFetch({ frontierBytesMax: 4 * cidBytes })
    const full = new Frontier(pick(0), config)
    full.expand(taken(full, pick(0)), cids.slice(0, 4))
    const over = new Frontier(pick(0), config)
    const place = taken(over, pick(0))
    assert.throws(() => over.expand(place, cids.slice(0, 5)), { code: 'LIMIT_EXCEEDED' })
  })

  it('gives room back once links were taken', () => {
    const frontier = new Frontier(pick(0), resolveFetch({ frontierBytesMax: 2 * cidBytes }))
    frontier.expand(taken(frontier, pick(0)), cids.slice(1, 3))
    const [first, second] = [taken(frontier, pick(1)), taken(frontier, pick(2))]
    frontier.expand(second, cids.slice(3, 5))
    assert.throws(() => frontier.expand(first, cids.slice(5, 6)), { code: 'LIMIT_EXCEEDED' })
  })

  it('follows a link of cidBytesMax and refuses a longer one', () => {
    const [root, link] = [pick(0), pick(1)]
    const fits = new Frontier(root, resolveFetch({ cidBytesMax: cidBytes }))
    fits.expand(taken(fits, root), [link])
    const build = (): Frontier => new Frontier(root, resolveFetch({ cidBytesMax: cidBytes - 1 }))
    assert.throws(build, { code: 'LIMIT_EXCEEDED', message: /cidBytesMax/ })
  })
})

interface Item {
  readonly cid: CID
  place?: Place | undefined
}

function taken(frontier: Frontier, cid: CID): Place {
  const place = frontier.next()
  assert.equal(place?.cid.toString(), cid.toString())
  return place
}

function pick(index: number): CID {
  const cid = cids[index]
  assert.ok(cid !== undefined)
  return cid
}
