import { multiaddr } from '@multiformats/multiaddr'
import { durationUnits, parseDuration } from '../duration.ts'
import { ConfigInvalidError } from './errors.ts'

/** What a TOML file holds for one key. */
export type ConfigText = string | number | boolean | readonly string[]

/** One key of the config: its default and what it takes. */
export interface Field<T> {
  readonly initial: T
  /** The checked value. @throws CONFIG_INVALID when it is of another type or out of range */
  read(value: unknown, key: string): T
  /** The value as config.toml shows it. */
  write(value: T): ConfigText
}

/** Both ends belong to the range. */
interface Range<T> {
  readonly min: T
  readonly max: T
}

export function integer(initial: number, range: Range<number>): Field<number> {
  return {
    initial,
    read(value, key) {
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
        throw new ConfigInvalidError(key, `${show(value)} is not an integer`)
      }
      return within(value, range, key, String)
    },
    write: value => value
  }
}

export function flag(initial: boolean): Field<boolean> {
  return {
    initial,
    read(value, key) {
      if (typeof value === 'boolean') return value
      throw new ConfigInvalidError(key, `${show(value)} is not true or false`)
    },
    write: value => value
  }
}

export function oneOf<const T extends string>(initial: T, choices: readonly T[]): Field<T> {
  return {
    initial,
    read(value, key) {
      const choice = choices.find(known => known === value)
      if (choice !== undefined) return choice
      throw new ConfigInvalidError(key, `${show(value)} is not one of ${choices.join(', ')}`)
    },
    write: value => value
  }
}

/** A multiaddr, kept as the text that was given. */
export function address(initial: string): Field<string> {
  return { initial, read: readAddress, write: value => value }
}

export function addresses(initial: readonly string[]): Field<readonly string[]> {
  return {
    initial,
    read(value, key) {
      if (!Array.isArray(value)) throw new ConfigInvalidError(key, `${show(value)} is not a list`)
      return value.map(entry => readAddress(entry, key))
    },
    write: value => value
  }
}

/** Text such as '22h' or '1h30m' in the file, milliseconds in the program. */
export function duration(initial: string, range: Range<string>): Field<number> {
  return measure(initial, range, parseDuration, formatDuration, "a duration such as '90s' or '22h'")
}

/** Text such as '64MiB' in the file, bytes in the program. */
export function size(initial: string, range: Range<string>): Field<number> {
  return measure(initial, range, parseSize, formatSize, "a size such as '64MiB'")
}

/** Bytes of '4096', '64MiB', '100MB'; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)?$/.exec(text) ?? []
  return count === undefined ? undefined : Math.round(Number(count) * (sizeUnits.get(unit) ?? 1))
}

const sizeUnits = new Map([
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['KB', 1e3]
])

function measure(
  initial: string,
  range: Range<string>,
  parse: (text: string) => number | undefined,
  format: (value: number) => string,
  expected: string
): Field<number> {
  const parsed = (text: string): number => {
    const value = parse(text)
    if (value === undefined) throw new TypeError(`${text} is not ${expected}`)
    return value
  }
  const bounds = { min: parsed(range.min), max: parsed(range.max) }
  return {
    initial: parsed(initial),
    read(value, key) {
      const amount = typeof value === 'string' ? parse(value) : value
      if (typeof amount !== 'number' || !Number.isSafeInteger(amount)) {
        throw new ConfigInvalidError(key, `${show(value)} is not ${expected}`)
      }
      return within(amount, bounds, key, format)
    },
    write: format
  }
}

function formatDuration(value: number): string {
  return inUnits(value, durationUnits) ?? `${value}ms`
}

function formatSize(value: number): string {
  return inUnits(value, sizeUnits) ?? `${value}B`
}

/** In the largest unit that leaves no fraction. */
function inUnits(value: number, units: ReadonlyMap<string, number>): string | undefined {
  for (const [unit, amount] of units) {
    if (value >= amount && value % amount === 0) return `${value / amount}${unit}`
  }
  return undefined
}

function within(
  value: number,
  { min, max }: Range<number>,
  key: string,
  format: (value: number) => string
): number {
  if (value >= min && value <= max) return value
  throw new ConfigInvalidError(
    key,
    `${format(value)} is out of range: ${format(min)} to ${format(max)}`
  )
}

function readAddress(value: unknown, key: string): string {
  if (typeof value !== 'string') throw new ConfigInvalidError(key, `${show(value)} is not text`)
  try {
    multiaddr(value)
    return value
  } catch (cause) {
    throw new ConfigInvalidError(key, `${show(value)} is not a multiaddr`, { cause })
  }
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value)
}
