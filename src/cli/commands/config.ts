import { Command } from 'commander'
import type { Config } from '../../node/index.ts'
import type { Cli, Session } from '../session.ts'

export function configCommand(cli: Cli): Command {
  return new Command('config')
    .description('read and change the config of the repo')
    .addCommand(showCommand(cli))
    .addCommand(getCommand(cli))
    .addCommand(setCommand(cli))
}

function showCommand({ action }: Cli): Command {
  return new Command('show').description('print every value, defaults too').action(
    action(async session => {
      const { configTable } = await import('../../node/index.ts')
      const { stringify } = await import('smol-toml')
      const table = configTable(await currentConfig(session))
      session.print(table, () => stringify(table).trimEnd())
    })
  )
}

function getCommand({ action }: Cli): Command {
  return new Command('get')
    .description('print one value or one section')
    .argument('<key>', 'such as Announce.Interval')
    .action(
      action(async (session, key: string) => {
        const { configValue } = await import('../../node/index.ts')
        session.print(configValue(await currentConfig(session), key), textOf)
      })
    )
}

function setCommand({ action }: Cli): Command {
  return new Command('set')
    .description('change one value; a running daemon takes it at its next start')
    .argument('<key>', 'such as Announce.Interval')
    .argument('<value>', 'JSON or text: 22h, 64MiB, true, \'["/ip4/0.0.0.0/tcp/4001"]\'')
    .action(
      action(async (session, key: string, value: string) => {
        const { layoutOf, setConfig } = await import('../../node/index.ts')
        await setConfig(layoutOf(session.repo), key, value)
      })
    )
}

async function currentConfig({ repo }: Session): Promise<Config> {
  const { layoutOf, readConfig, resolveConfig } = await import('../../node/index.ts')
  return resolveConfig(await readConfig(layoutOf(repo)))
}

/** Text as it is, so that a shell can use it; everything else as JSON. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)
}
