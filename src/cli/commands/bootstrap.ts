import { Command } from 'commander'
import {
  bootstrapAddVerb,
  bootstrapListVerb,
  bootstrapRemoveVerb,
  type BootstrapValue
} from '../../gateway/index.ts'
import type { Cli } from '../session.ts'

export function bootstrapCommand(cli: Cli): Command {
  return new Command('bootstrap')
    .description('the peers that are dialled to join the network')
    .addCommand(listCommand(cli))
    .addCommand(addCommand(cli))
    .addCommand(removeCommand(cli))
}

function listCommand({ action }: Cli): Command {
  return new Command('list').description('print the list').action(
    action(async session => {
      for await (const value of session.call('repo', bootstrapListVerb)) {
        if (session.isJson || value.Peers.length > 0) session.print(value, linesOf(''))
      }
    })
  )
}

function addCommand({ action }: Cli): Command {
  return new Command('add')
    .description('add to the list')
    .argument('<address...>', 'a multiaddr with /p2p/<id>')
    .action(
      action(async (session, args: string[]) => {
        for await (const value of session.call('repo', bootstrapAddVerb, { args })) {
          session.print(value, linesOf('added '))
        }
      })
    )
}

function removeCommand({ action }: Cli): Command {
  return new Command('rm')
    .description('take from the list')
    .argument('[address...]', 'a multiaddr as the list has it')
    .option('--all', 'take all')
    .action(
      action(async (session, args: string[], options: { readonly all?: boolean }) => {
        for await (const value of session.call('repo', bootstrapRemoveVerb, { args, options })) {
          session.print(value, linesOf('removed '))
        }
      })
    )
}

function linesOf(before: string): (value: BootstrapValue) => string {
  return ({ Peers }) => Peers.map(address => before + address).join('\n')
}
