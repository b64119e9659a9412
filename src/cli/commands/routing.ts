import { Command } from 'commander'
import { findProvsVerb, provideVerb } from '../../gateway/index.ts'
import { parsePositive } from '../numbers.ts'
import { formatCount } from '../render.ts'
import type { Cli } from '../session.ts'
import { printLine } from '../terminal.ts'

interface FindOptions {
  readonly numProviders: number
}

export function routingCommand(cli: Cli): Command {
  return new Command('routing')
    .description('who has what, as the network knows it')
    .addCommand(findProvsCommand(cli))
    .addCommand(provideCommand(cli))
}

function findProvsCommand({ action }: Cli): Command {
  return new Command('findprovs')
    .description('find peers that have a block')
    .argument('<cid>', 'the block')
    .option('-n, --num-providers <count>', 'stop after so many', parsePositive, 20)
    .action(
      action(async (session, cid: string, { numProviders }: FindOptions) => {
        const call = { args: [cid], options: { 'num-providers': numProviders } }
        for await (const value of session.call('network', findProvsVerb, call)) {
          session.print(value, ({ Responses }) => Responses.map(({ ID }) => ID).join('\n'))
        }
      })
    )
}

function provideCommand({ action }: Cli): Command {
  return new Command('provide')
    .description('tell the network now that this peer has blocks')
    .argument('<cid...>', 'the blocks')
    .action(
      action(async (session, cids: string[]) => {
        for (const cid of cids) {
          let takers = 0
          for await (const value of session.call('daemon', provideVerb, { args: [cid] })) {
            takers += 1
            if (session.isJson) printLine(session.terminal, JSON.stringify(value))
          }
          if (!session.isJson)
            printLine(session.terminal, `provided ${cid} to ${formatCount(takers, 'peer')}`)
        }
      })
    )
}
