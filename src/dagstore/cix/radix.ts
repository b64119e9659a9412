import { release } from './release.ts'

const digitBits = 11
const digits = 1 << digitBits
const digitMask = digits - 1

/** Keys, and with each a number that goes where it goes. */
export interface Pairs {
  readonly keys: Uint32Array<ArrayBuffer>
  readonly values: Uint32Array<ArrayBuffer>
}

/**
 * Sorts `keys` ascending, equal ones in their given order; `values` are the places that the keys
 * came from. `keys` is used as work space and then released.
 *
 * Three passes of 11 bits. Keys move with their values, so that no pass reads at random.
 */
export function sortPairs(keys: Uint32Array<ArrayBuffer>): Pairs {
  let from: Pairs = { keys, values: new Uint32Array(keys.length) }
  let to: Pairs = { keys: new Uint32Array(keys.length), values: new Uint32Array(keys.length) }
  for (let at = 0; at < keys.length; at++) from.values[at] = at
  for (let shift = 0; shift < 32; shift += digitBits) {
    pass(from, to, shift)
    ;[from, to] = [to, from]
  }
  release(to.keys)
  release(to.values)
  return from
}

/** Moves all pairs, stable, by the digit of the key that begins at bit `shift`. */
function pass(from: Pairs, to: Pairs, shift: number): void {
  const { keys, values } = from
  const { keys: toKeys, values: toValues } = to
  const places = new Uint32Array(digits + 1)
  for (let at = 0; at < keys.length; at++) places[((keys[at]! >>> shift) & digitMask) + 1]! += 1
  for (let digit = 0; digit < digits; digit++) places[digit + 1]! += places[digit]!
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at]!
    const digit = (key >>> shift) & digitMask
    const place = places[digit]!
    places[digit] = place + 1
    toKeys[place] = key
    toValues[place] = values[at]!
  }
}
