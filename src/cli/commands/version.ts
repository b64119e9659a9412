import { Command } from 'commander'
import { versionValue, type VersionValue } from '../../gateway/index.ts'
import type { Cli } from '../session.ts'

interface Options {
  readonly all?: boolean
  readonly number?: boolean
}

export function versionCommand({ action }: Cli): Command {
  return new Command('version')
    .description('print the version of this program')
    .option('--all', 'and of the repo, the system and Node')
    .option('-n, --number', 'only the number')
    .action(
      action(async (session, options: Options) => {
        session.print(versionValue(), value => textOf(value, options))
      })
    )
}

function textOf(value: VersionValue, { all, number }: Options): string {
  if (number === true) return value.Version
  if (all !== true) return `cardock version ${value.Version}`
  return [
    `Cardock version: ${value.Version}`,
    `Repo version: ${value.Repo}`,
    `System version: ${value.System}`,
    `Node version: ${value.Node}`
  ].join('\n')
}
