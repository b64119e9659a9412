import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'smol-toml'
import type { ConfigText } from './config-fields.ts'
import { parseToml } from './config.ts'
import { ConfigInvalidError } from './errors.ts'

/**
 * The text of a config.toml with one key set and everything else, comments too, as it was.
 *
 * @throws CONFIG_INVALID when the file is written in a way that this cannot edit
 */
export function setInToml(text: string, path: string, value: ConfigText): string {
  const [section, key] = splitPath(path)
  const lines = text.split('\n')
  const block = findSection(lines, section)
  const result =
    block === undefined
      ? appendSection(text, section, key, value)
      : setInBlock(lines, block, key, value).join('\n')
  assertOnlyChange(text, result, path, value)
  return result
}

/** Lines `from` to `to`, the last not included, below a section's header. */
interface Block {
  readonly from: number
  readonly to: number
}

function splitPath(path: string): [section: string, key: string] {
  const at = path.lastIndexOf('.')
  return at === -1 ? ['', path] : [path.slice(0, at), path.slice(at + 1)]
}

/** Section '' is what stands before the first header; it is always there. */
function findSection(lines: readonly string[], section: string): Block | undefined {
  const header = /^\s*\[([^[\]]+)\]\s*(#.*)?$/
  const headers = lines.flatMap((line, at) => {
    const name = header.exec(line)?.[1]?.trim()
    return name === undefined ? [] : [{ name, at }]
  })
  const ends = [...headers.slice(section === '' ? 0 : 1).map(({ at }) => at), lines.length]
  if (section === '') return { from: 0, to: ends[0] ?? 0 }
  const which = headers.findIndex(({ name }) => name === section)
  const from = headers[which]?.at
  return from === undefined ? undefined : { from: from + 1, to: ends[which] ?? lines.length }
}

function setInBlock(
  lines: readonly string[],
  { from, to }: Block,
  key: string,
  value: ConfigText
): string[] {
  const entry = stringify({ [key]: value }).trimEnd()
  const at = lines.findIndex(
    (line, index) => index >= from && index < to && new RegExp(`^\\s*${key}\\s*=`).test(line)
  )
  if (at === -1) {
    const end = lines.slice(from, to).findLastIndex(line => line.trim() !== '') + from + 1
    return lines.toSpliced(end, 0, entry)
  }
  return lines.toSpliced(at, entryLength(lines, at, to), entry)
}

/** How many lines the entry at `at` takes: a list may go over several. */
function entryLength(lines: readonly string[], at: number, to: number): number {
  for (let end = at + 1; end <= to; end++) {
    try {
      parseToml(lines.slice(at, end).join('\n'))
      return end - at
    } catch {
      // not whole yet: one line more
    }
  }
  return 1
}

function appendSection(text: string, section: string, key: string, value: ConfigText): string {
  const gap = text === '' || text.endsWith('\n\n') ? '' : text.endsWith('\n') ? '\n' : '\n\n'
  return `${text}${gap}${stringify({ [section]: { [key]: value } })}`
}

/** Dotted keys, inline tables and the like are legal TOML that the line editor does not see. */
function assertOnlyChange(before: string, after: string, path: string, value: ConfigText): void {
  const [section, key] = splitPath(path)
  const expected = parseToml(before)
  const table = section === '' ? expected : Object(expected[section])
  const wanted = { ...table, [key]: value }
  const whole = section === '' ? wanted : { ...expected, [section]: wanted }
  if (isDeepStrictEqual(normal(parseToml(after)), normal(whole))) return
  throw new ConfigInvalidError(path, 'the file is written in a way that only you can edit')
}

/** Without the null prototypes that the parser gives its tables. */
function normal(table: object): unknown {
  return JSON.parse(JSON.stringify(table))
}
