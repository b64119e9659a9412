import { closest } from 'fastest-levenshtein'
import { parse, stringify } from 'smol-toml'
import type { ConfigText, Field } from './config-fields.ts'
import type { Config } from './config-schema.ts'
import { schema } from './config-schema.ts'
import { ConfigInvalidError } from './errors.ts'

/** Any part of the config. Durations and sizes as text ('22h', '64MiB') or as ms and bytes. */
export type PartialConfig = {
  readonly [K in keyof Config]?:
    | (Config[K] extends readonly unknown[] ? Config[K] : PartialSection<Config[K]>)
    | undefined
}
type PartialSection<T> = {
  readonly [K in keyof T]?: (T[K] extends number ? number | string : T[K]) | undefined
}

/**
 * The defaults overlaid with `layers`, a later one over an earlier one.
 *
 * @throws CONFIG_INVALID naming the key: unknown, of another type, or out of range
 */
export function resolveConfig(...layers: readonly PartialConfig[]): Config {
  const values = new Map(Array.from(fields, ([path, field]) => [path, field.initial]))
  for (const layer of layers) {
    for (const [path, value] of readLayer(layer)) values.set(path, value)
  }
  // The schema has a field of the right type for every key of Config, so this is one.
  return nest(values) as unknown as Config
}

/**
 * The text of a config.toml, checked.
 *
 * @throws CONFIG_INVALID
 */
export function parseConfig(text: string): PartialConfig {
  const table = parseToml(text)
  readLayer(table)
  return table
}

/** What `config` sets, as the text of a config.toml. */
export function renderConfig(config: PartialConfig): string {
  return stringify(configTable(config))
}

/** What `config` sets, as the file has it: `{ Announce: { Interval: '22h' } }`. */
export function configTable(config: PartialConfig): Record<string, unknown> {
  const values = readLayer(config)
  return nest(new Map(Array.from(values, ([path, value]) => [path, fieldOf(path).write(value)])))
}

/**
 * One value ('Announce.Interval') or one section ('Announce'), as the file has it.
 *
 * @throws CONFIG_INVALID when there is no such key
 */
export function configValue(config: Config, path: string): unknown {
  let value: unknown = configTable(config)
  for (const key of path.split('.')) {
    if (!isTable(value) || !Object.hasOwn(value, key)) throw unknownKey(path)
    value = value[key]
  }
  return value
}

/**
 * The checked value of a key out of text that was typed: JSON where it is JSON, else the text.
 *
 * @throws CONFIG_INVALID
 */
export function readConfigInput(path: string, input: string): ConfigText {
  const field = fieldOf(path)
  return field.write(field.read(jsonOrText(input), path))
}

/** @throws CONFIG_INVALID with the line and column */
export function parseToml(text: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (cause) {
    throw new ConfigInvalidError('file', cause instanceof Error ? cause.message : String(cause), {
      cause
    })
  }
}

/** Fields by key path: 'Bootstrap', 'Addresses.Swarm'. */
const fields: ReadonlyMap<string, Field<unknown>> = new Map(flatten(schema))

function* flatten(tree: object, prefix = ''): Generator<[string, Field<unknown>]> {
  for (const [key, value] of Object.entries(tree)) {
    if ('initial' in value) yield [prefix + key, value]
    else yield* flatten(value, `${prefix}${key}.`)
  }
}

/** Checked values by key path. What is undefined counts as not set. */
function readLayer(layer: object, prefix = ''): Map<string, unknown> {
  const values = new Map<string, unknown>()
  for (const [key, value] of Object.entries(layer)) {
    const path = prefix + key
    const field = fields.get(path)
    if (value === undefined) continue
    if (field !== undefined) values.set(path, field.read(value, path))
    else if (!isSection(path)) throw unknownKey(path)
    else if (!isTable(value)) throw new ConfigInvalidError(path, 'is a section, not a value')
    else for (const [inner, checked] of readLayer(value, `${path}.`)) values.set(inner, checked)
  }
  return values
}

function fieldOf(path: string): Field<unknown> {
  const field = fields.get(path)
  if (field !== undefined) return field
  if (isSection(path)) throw new ConfigInvalidError(path, 'is a section: name one of its keys')
  throw unknownKey(path)
}

function isSection(path: string): boolean {
  return Object.hasOwn(schema, path) && !fields.has(path)
}

function unknownKey(path: string): ConfigInvalidError {
  return new ConfigInvalidError(
    path,
    `there is no such key; the nearest known one is ${closest(path, [...fields.keys()])}`
  )
}

function nest(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const tree: Record<string, unknown> = {}
  for (const [path, value] of values) {
    const [section = '', key] = path.split('.')
    if (key === undefined) tree[section] = value
    else tree[section] = Object.assign(tree[section] ?? {}, { [key]: value })
  }
  return tree
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function jsonOrText(input: string): unknown {
  try {
    return JSON.parse(input)
  } catch {
    return input
  }
}
