/**
 * docs/cli.md, made of the commands themselves. `node test/cli/reference.ts` writes it;
 * reference.test.ts compares it.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { Argument, Command, Option } from 'commander'
import { createProgram } from '../../src/cli/program.ts'

export const referencePath: string = join(import.meta.dirname, '..', '..', 'docs', 'cli.md')

/** The whole page. */
export function renderReference(): string {
  const program = createProgram({
    homeRepo: '',
    repo: '',
    terminal: { stdin: process.stdin, stdout: new Writable(), stderr: new Writable() },
    signal: new AbortController().signal,
    programName: 'cardock',
    isNpmStart: false
  })
  const commands = [...leavesOf(program)]
  const sections = [
    intro,
    contents(commands),
    '## Options of every command',
    optionTable(program.options),
    ...commands.map(renderCommand)
  ]
  return `${sections.join('\n\n')}\n`
}

const intro = `# The commands of Cardock

<!-- Made by \`node test/cli/reference.ts\` from the commands themselves: change them, not this page. -->

Commands talk to the daemon that runs on the repo; without one, they open the repo themselves.
Data goes to stdout, reasons and progress to stderr. The exit code is 0 for success and 1 for everything else.
Where kubo (\`ipfs\`) or lassie has a command, its name, flags and output are the same.
The first Ctrl-C ends a command in order, the second at once.`

interface Leaf {
  readonly name: string
  readonly command: Command
}

/** Commands that do something: not those that only group others. */
function* leavesOf(parent: Command, prefix = 'cardock'): Generator<Leaf> {
  for (const command of parent.commands) {
    const name = `${prefix} ${command.name()}`
    if (command.commands.length === 0) yield { name, command }
    else yield* leavesOf(command, name)
  }
}

function contents(leaves: readonly Leaf[]): string {
  return leaves
    .map(({ name, command }) => `- [\`${name}\`](#${anchor(name)}): ${command.description()}`)
    .join('\n')
}

function renderCommand({ name, command }: Leaf): string {
  const parts = [
    `## ${name}`,
    sentence(command.description()),
    `\`\`\`\n${[name, command.usage()].join(' ').trim()}\n\`\`\``
  ]
  const rows = [...command.registeredArguments.map(argumentRow), ...command.options.map(optionRow)]
  if (rows.length > 0) parts.push(table(rows))
  return parts.join('\n\n')
}

function optionTable(options: readonly Option[]): string {
  return table(options.map(optionRow))
}

function argumentRow(argument: Argument): string[] {
  return [code(argument.name()), prose(argument.description)]
}

function optionRow({ flags, description, argChoices, defaultValue }: Option): string[] {
  const choices = argChoices === undefined ? '' : `: ${argChoices.map(code).join(', ')}`
  const isShown = typeof defaultValue === 'number' || typeof defaultValue === 'string'
  const initial = isShown ? ` (default: ${code(String(defaultValue))})` : ''
  return [code(flags), `${prose(description)}${choices}${initial}`]
}

function table(rows: readonly (readonly string[])[]): string {
  const lines = rows.map(
    cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  )
  return ['| | |', '|---|---|', ...lines].join('\n')
}

/** `<id>` is text here, no tag. */
function prose(text: string): string {
  return text.replaceAll('<', '\\<')
}

function code(text: string): string {
  return `\`${text}\``
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-')
}

if (import.meta.main) await writeFile(referencePath, renderReference())
