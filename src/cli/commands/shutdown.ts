import { Command } from 'commander'
import { shutdownVerb } from '../../gateway/index.ts'
import type { Cli } from '../session.ts'

export function shutdownCommand({ action }: Cli): Command {
  return new Command('shutdown')
    .description('end the daemon')
    .action(action(async session => session.finish('daemon', shutdownVerb)))
}
