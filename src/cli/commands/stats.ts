import { Command } from 'commander'
import { statsBitswapVerb, type BitswapValue } from '../../gateway/index.ts'
import { formatBytes } from '../render.ts'
import type { Cli } from '../session.ts'

interface Options {
  readonly human?: boolean
}

export function statsCommand(cli: Cli): Command {
  return new Command('stats').description('what the daemon did').addCommand(bitswapCommand(cli))
}

function bitswapCommand({ action }: Cli): Command {
  return new Command('bitswap')
    .description('print what went over bitswap since the daemon began')
    .option('--human', 'sizes in KiB, MiB and so on')
    .action(
      action(async (session, { human = false }: Options) => {
        for await (const value of session.call('daemon', statsBitswapVerb)) {
          session.print(value, stats => textOf(stats, human))
        }
      })
    )
}

function textOf(stats: BitswapValue, human: boolean): string {
  const size = (bytes: number): string => (human ? formatBytes(bytes) : String(bytes))
  return [
    'bitswap status',
    `blocks received: ${stats.BlocksReceived}`,
    `blocks sent: ${stats.BlocksSent}`,
    `data received: ${size(stats.DataReceived)}`,
    `data sent: ${size(stats.DataSent)}`,
    `dup blocks received: ${stats.DupBlksReceived}`,
    `dup data received: ${size(stats.DupDataReceived)}`,
    `wantlist [${stats.Wantlist.length} keys]`,
    ...stats.Wantlist.map(({ '/': cid }) => `\t${cid}`),
    `partners [${stats.Peers.length}]`,
    ...stats.Peers.map(peer => `\t${peer}`)
  ].join('\n\t')
}
