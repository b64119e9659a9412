/**
 * CRC-32 of joined pieces from the CRCs of the pieces, so that a file written out of order is
 * summed without a second reading. The arithmetic is that of zlib's crc32_combine: polynomials over
 * GF(2) modulo the CRC's own, lowest power in the highest bit.
 * https://github.com/madler/zlib/blob/v1.3.1/crc32.c
 */

const polynomial = 0xedb88320
const one = 0x80000000

/** x^(2^n) for n from 0; every later power follows by squaring. */
const powers = squares()

/** A function that joins: `join(first, second)` is the CRC of both, `second` being `bytes` long. */
export function crcJoiner(bytes: number): (first: number, second: number) => number {
  const shift = powerOfX(bytes * 8)
  return (first, second) => (multiply(shift, first) ^ second) >>> 0
}

function powerOfX(exponent: number): number {
  let product = one
  let left = exponent
  for (let n = 0; left > 0; n = (n + 1) % powers.length) {
    if (left % 2 === 1) product = multiply(powers[n] ?? one, product)
    left = Math.floor(left / 2)
  }
  return product
}

function multiply(a: number, b: number): number {
  let product = 0
  let shifted = b
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ polynomial
  }
  return product >>> 0
}

/** x has order 2^32 - 1, so that the 32 squares repeat. */
function squares(): readonly number[] {
  const list = [one >>> 1]
  while (list.length < 32) {
    const last = list.at(-1) ?? one
    list.push(multiply(last, last))
  }
  return list
}
