import { Command } from 'commander'
import { catVerb } from '../../gateway/index.ts'
import { parseCount } from '../numbers.ts'
import type { Cli } from '../session.ts'
import { writeBytes } from '../terminal.ts'

interface Options {
  readonly offset?: number
  readonly length?: number
}

export function catCommand({ action }: Cli): Command {
  return new Command('cat')
    .description('print the bytes of files')
    .argument('<path...>', 'a CID, or a path below one: <cid>/folder/file')
    .option('-o, --offset <bytes>', 'begin at this byte', parseCount)
    .option('-l, --length <bytes>', 'print so many bytes at most', parseCount)
    .action(
      action(async (session, args: string[], options: Options) => {
        const { offline } = session.globals
        const bytes = session.call('network', catVerb, { args, options: { ...options, offline } })
        await writeBytes(session.terminal.stdout, bytes, session.signal)
      })
    )
}
