import { Command } from 'commander'
import { UsageInvalidError } from '../../gateway/index.ts'
import type { ProfileName } from '../../node/index.ts'
import { profileOption } from '../profile-option.ts'
import type { Cli } from '../session.ts'

interface Options {
  readonly profile?: ProfileName
}

export function initCommand({ action }: Cli): Command {
  return new Command('init')
    .description('make a repo: a key, a token and a config')
    .addOption(profileOption('--profile <name>', 'begin with this set of config values'))
    .action(
      action(async (session, options: Options) => {
        const { repo: path } = session
        const { isRepo, openRepo } = await import('../../node/index.ts')
        const { peerIdFromPrivateKey } = await import('@libp2p/peer-id')
        if (await isRepo(path)) {
          throw new UsageInvalidError(`${path} is a repo already: choose another with --repo-dir`)
        }
        using repo = await openRepo(path, options)
        const id = peerIdFromPrivateKey(repo.identity).toString()
        session.print({ id, repo: path }, () => `peer identity: ${id}\nmade a repo at ${path}`)
      })
    )
}
