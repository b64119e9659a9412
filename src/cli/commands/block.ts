import { Command } from 'commander'
import { blockGetVerb, blockStatVerb } from '../../gateway/index.ts'
import type { Cli } from '../session.ts'
import { writeBytes } from '../terminal.ts'

export function blockCommand(cli: Cli): Command {
  return new Command('block')
    .description('single blocks, as they are')
    .addCommand(getCommand(cli))
    .addCommand(statCommand(cli))
}

function getCommand({ action }: Cli): Command {
  return new Command('get')
    .description('print the bytes of a block')
    .argument('<cid>', 'the block')
    .action(
      action(async (session, cid: string) => {
        const { offline } = session.globals
        const bytes = session.call('network', blockGetVerb, { args: [cid], options: { offline } })
        await writeBytes(session.terminal.stdout, bytes, session.signal)
      })
    )
}

function statCommand({ action }: Cli): Command {
  return new Command('stat')
    .description('print the CID and the size of a block')
    .argument('<cid>', 'the block')
    .action(
      action(async (session, cid: string) => {
        const { offline } = session.globals
        const call = { args: [cid], options: { offline } }
        for await (const value of session.call('network', blockStatVerb, call)) {
          session.print(value, ({ Key, Size }) => `Key: ${Key}\nSize: ${Size}`)
        }
      })
    )
}
