import { Command } from 'commander'
import { idVerb, type IdValue } from '../../gateway/index.ts'
import type { Cli } from '../session.ts'

interface Options {
  readonly format?: string
}

export function idCommand({ action }: Cli): Command {
  return new Command('id')
    .description('show who this peer is and where it can be dialled')
    .option('-f, --format <format>', 'print this, with <id> <aver> <pubkey> <addrs> <protocols>')
    .action(
      action(async (session, { format }: Options) => {
        for await (const value of session.call('repo', idVerb)) {
          if (format === undefined) session.print(value, prettyJson)
          else session.terminal.stdout.write(fill(format, value))
        }
      })
    )
}

function prettyJson(value: object): string {
  return JSON.stringify(value, undefined, '\t')
}

/** kubo's fields; `\n` and `\t` in the format are a line end and a tab. */
function fill(format: string, id: IdValue): string {
  const fields: Record<string, string> = {
    id: id.ID,
    aver: id.AgentVersion,
    pubkey: id.PublicKey,
    addrs: id.Addresses.join('\n'),
    protocols: id.Protocols.join('\n')
  }
  return format
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', '\t')
    .replaceAll(/<(\w+)>/g, (whole, name: string) => fields[name] ?? whole)
}
