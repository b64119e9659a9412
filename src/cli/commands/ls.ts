import { Command } from 'commander'
import { lsVerb, type LsLink } from '../../gateway/index.ts'
import { formatTable } from '../render.ts'
import type { Cli, Session } from '../session.ts'
import { printLine } from '../terminal.ts'

interface Options {
  readonly headers?: boolean
  readonly stream?: boolean
  readonly size: boolean
}

export function lsCommand({ action }: Cli): Command {
  return new Command('ls')
    .description('list folders')
    .argument('<path...>', 'a CID, or a path below one: <cid>/folder')
    .option('-v, --headers', 'print a line of headers')
    .option('-s, --stream', 'print each entry as it is found, not in columns')
    .option('--size', 'print the sizes of files', true)
    .option('--no-size', 'leave them out')
    .action(
      action(async (session, paths: string[], options: Options) => {
        for (const path of paths) await list(session, path, options)
      })
    )
}

async function list(session: Session, path: string, options: Options): Promise<void> {
  const { offline } = session.globals
  const head = rowOf(['Hash', 'Size', 'Name'], options)
  const rows: string[][] = []
  const call = { args: [path], options: { stream: true, offline } }
  for await (const value of session.call('network', lsVerb, call)) {
    const found = value.Objects.flatMap(({ Links }) => Links.map(link => linkRow(link, options)))
    if (session.isJson) printLine(session.terminal, JSON.stringify(value))
    else if (options.stream === true) {
      for (const row of found) printLine(session.terminal, row.join(' '))
    } else rows.push(...found)
  }
  const isTable = !session.isJson && options.stream !== true
  if (isTable && rows.length > 0) {
    printLine(session.terminal, formatTable(options.headers === true ? head : [], rows))
  }
}

function linkRow({ Hash, Size, Name, Type }: LsLink, options: Options): string[] {
  const isFolder = Type === folder
  return rowOf([Hash, isFolder ? '-' : String(Size), isFolder ? `${Name}/` : Name], options)
}

function rowOf([hash, bytes, name]: [string, string, string], { size }: Options): string[] {
  return size ? [hash, bytes, name] : [hash, name]
}

/** In UnixFS' numbers. */
const folder = 1
