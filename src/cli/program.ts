import { Command } from 'commander'
import { version } from '../version.ts'
import { addGlobals } from './globals.ts'
import { createCli, type Surroundings } from './session.ts'
import { blockCommand } from './commands/block.ts'
import { bootstrapCommand } from './commands/bootstrap.ts'
import { catCommand } from './commands/cat.ts'
import { configCommand } from './commands/config.ts'
import { daemonCommand } from './commands/daemon.ts'
import { dagCommand } from './commands/dag.ts'
import { dagstoreCommand } from './commands/dagstore.ts'
import { fetchCommand } from './commands/fetch.ts'
import { getCommand } from './commands/get.ts'
import { idCommand } from './commands/id.ts'
import { initCommand } from './commands/init.ts'
import { lsCommand } from './commands/ls.ts'
import { routingCommand } from './commands/routing.ts'
import { shutdownCommand } from './commands/shutdown.ts'
import { statsCommand } from './commands/stats.ts'
import { swarmCommand } from './commands/swarm.ts'
import { versionCommand } from './commands/version.ts'

/** In the order in which the help shows them. */
const commands = [
  initCommand,
  daemonCommand,
  shutdownCommand,
  idCommand,
  versionCommand,
  configCommand,
  dagCommand,
  fetchCommand,
  catCommand,
  getCommand,
  lsCommand,
  blockCommand,
  dagstoreCommand,
  routingCommand,
  swarmCommand,
  bootstrapCommand,
  statsCommand
]

/** The whole command line, not yet run. Errors of usage are thrown, after one line on stderr. */
export function createProgram(surroundings: Surroundings): Command {
  const { stdout, stderr } = surroundings.terminal
  const cli = createCli(surroundings)
  const program = new Command('cardock')
    .description('CAR files as a live peer on the IPFS network, DAGs from the network as CAR files')
    .version(`cardock version ${version}`, '--version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: text => stdout.write(text),
      writeErr: text => stderr.write(text),
      outputError: (text, write) => write(usageError(text))
    })
  addGlobals(program)
  for (const command of commands) program.addCommand(command(cli))
  inherit(program)
  return program
}

/** In one line, as every other error. */
function usageError(text: string): string {
  return `${text
    .trim()
    .replace(/^error/, 'Error')
    .replaceAll(/\s*\n\s*/g, ' ')}\n`
}

/** Commands that were made by themselves take over how their parent speaks. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent)
    inherit(command)
  }
}
