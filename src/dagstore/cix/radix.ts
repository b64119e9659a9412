import { release } from './release.ts'

/** Bits that one pass sorts by: with more it would write to more places than the caches follow. */
const digitBits = 8
const digits = 1 << digitBits
const highestShift = 32 - digitBits
/** Up to here moving keys past one another is the quickest; it grows with the square. */
const insertionMax = 64

/** Keys, and with each a number that goes where it goes. */
export interface Pairs {
  readonly keys: Uint32Array<ArrayBuffer>
  readonly values: Uint32Array<ArrayBuffer>
}

/**
 * Sorts `keys` ascending, equal ones in their given order; `values` are the places that the keys
 * came from. `keys` is released.
 *
 * One pass over everything parts the keys by their highest digit. Each part is then sorted on its
 * own, in the processor's cache, digests being spread evenly: one of a million is 4,000 pairs.
 */
export function sortPairs(keys: Uint32Array<ArrayBuffer>): Pairs {
  const sorted = pairsOf(keys.length)
  const ends = pass(keys, undefined, { to: sorted, shift: highestShift })
  release(keys)
  let spare = pairsOf(0)
  let from = 0
  for (const end of ends) {
    const count = end - from
    if (count > insertionMax && count > spare.keys.length) {
      releasePairs(spare)
      spare = pairsOf(count)
    }
    if (count > insertionMax) sortRest(partOf(sorted, from, end), partOf(spare, 0, count))
    else insertionSort(sorted, from, end)
    from = end
  }
  releasePairs(spare)
  return sorted
}

/** Sorts pairs whose keys have the highest digit in common. */
function sortRest(part: Pairs, spare: Pairs): void {
  let [from, to] = [part, spare]
  for (let shift = 0; shift < highestShift; shift += digitBits) {
    pass(from.keys, from.values, { to, shift })
    ;[from, to] = [to, from]
  }
  if (from === part) return
  part.keys.set(from.keys)
  part.values.set(from.values)
}

/**
 * Moves all pairs, stable, by the digit of the key that begins at bit `shift`; returns where those of
 * each digit end. Without `values` they are the keys' places.
 */
function pass(
  keys: Uint32Array,
  values: Uint32Array | undefined,
  { to, shift }: { to: Pairs; shift: number }
): Uint32Array {
  const { keys: toKeys, values: toValues } = to
  const places = new Uint32Array(digits)
  for (let at = 0; at < keys.length; at++) places[(keys[at]! >>> shift) & (digits - 1)]! += 1
  for (let digit = 0, before = 0; digit < digits; digit++) {
    const count = places[digit]!
    places[digit] = before
    before += count
  }
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at]!
    const digit = (key >>> shift) & (digits - 1)
    const place = places[digit]!
    places[digit] = place + 1
    toKeys[place] = key
    toValues[place] = values === undefined ? at : values[at]!
  }
  return places
}

function insertionSort({ keys, values }: Pairs, from: number, end: number): void {
  for (let at = from + 1; at < end; at++) {
    const key = keys[at]!
    const value = values[at]!
    let place = at
    for (; place > from && keys[place - 1]! > key; place--) {
      keys[place] = keys[place - 1]!
      values[place] = values[place - 1]!
    }
    keys[place] = key
    values[place] = value
  }
}

function pairsOf(count: number): Pairs {
  return { keys: new Uint32Array(count), values: new Uint32Array(count) }
}

function partOf({ keys, values }: Pairs, from: number, end: number): Pairs {
  return { keys: keys.subarray(from, end), values: values.subarray(from, end) }
}

function releasePairs({ keys, values }: Pairs): void {
  release(keys)
  release(values)
}
