import { Command } from 'commander'
import { swarmConnectVerb, swarmPeersVerb, type SwarmPeer } from '../../gateway/index.ts'
import type { Cli } from '../session.ts'

interface PeersOptions {
  readonly verbose?: boolean
}

export function swarmCommand(cli: Cli): Command {
  return new Command('swarm')
    .description('connections of the daemon')
    .addCommand(peersCommand(cli))
    .addCommand(connectCommand(cli))
}

function peersCommand({ action }: Cli): Command {
  return new Command('peers')
    .description('list the peers that are connected')
    .option('-v, --verbose', 'with latency, direction and streams')
    .action(
      action(async (session, { verbose = false }: PeersOptions) => {
        for await (const value of session.call('daemon', swarmPeersVerb)) {
          if (!session.isJson && value.Peers.length === 0) continue
          session.print(value, ({ Peers }) => Peers.map(peer => textOf(peer, verbose)).join('\n'))
        }
      })
    )
}

function textOf({ Addr, Peer, Latency, Direction, Streams }: SwarmPeer, verbose: boolean): string {
  const address = `${Addr}/p2p/${Peer}`
  if (!verbose) return address
  const streams = Streams.map(({ Protocol }) => `\n  ${Protocol || '<no protocol name>'}`)
  return `${address} ${Latency || 'n/a'} ${Direction}${streams.join('')}`
}

function connectCommand({ action }: Cli): Command {
  return new Command('connect')
    .description('connect to a peer')
    .argument('<address...>', 'a multiaddr with /p2p/<id>')
    .action(
      action(async (session, args: string[]) => {
        for await (const value of session.call('daemon', swarmConnectVerb, { args })) {
          session.print(value, ({ Strings }) => Strings.join('\n'))
        }
      })
    )
}
