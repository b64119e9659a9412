import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import {
  destroyShardVerb,
  listShardsVerb,
  registerShardVerb,
  type ShardValue
} from '../../gateway/index.ts'
import { announcePolicies, shardStateNames } from '../../shards.ts'
import { formatBytes, formatTable } from '../render.ts'
import type { Cli } from '../session.ts'
import { printLine } from '../terminal.ts'

export function dagstoreCommand(cli: Cli): Command {
  return new Command('dagstore')
    .description('the CAR files that are served, each a shard')
    .addCommand(listCommand(cli))
    .addCommand(registerCommand(cli))
    .addCommand(destroyCommand(cli))
}

interface ListOptions {
  readonly state?: ShardValue['state']
  readonly text?: string
}

/** Rows that share their column widths. */
const tableRows = 1_000

function listCommand({ action }: Cli): Command {
  return new Command('list-shards')
    .description('list the shards')
    .addOption(new Option('--state <state>', 'only those in this state').choices(shardStateNames))
    .option('--text <text>', 'only those with this text in their key')
    .action(
      action(async (session, options: ListOptions) => {
        let head = ['KEY', 'STATE', 'BLOCKS', 'BYTES', 'MOUNT', 'ERROR']
        let rows: string[][] = []
        const flush = (): void => {
          if (rows.length > 0) printLine(session.terminal, formatTable(head, rows))
          head = []
          rows = []
        }
        for await (const shard of session.call('repo', listShardsVerb, { options })) {
          if (session.isJson) printLine(session.terminal, JSON.stringify(shard))
          else if (rows.push(rowOf(shard)) >= tableRows) flush()
        }
        flush()
      })
    )
}

function rowOf({ key, state, blocks, bytes, mount, owned, error }: ShardValue): string[] {
  const file = owned ? `${mount} (ours)` : mount
  return [key, state, String(blocks), formatBytes(bytes), file, error?.message ?? '']
}

interface RegisterOptions {
  readonly key?: string
  readonly lazy?: boolean
  readonly announce?: ShardValue['announce']
}

function registerCommand({ action }: Cli): Command {
  return new Command('register-shard')
    .description('serve a CAR file in place')
    .argument('<file>', 'stays yours: keep it where it is')
    .option('--key <key>', "name of the shard (default: the CAR's first root)")
    .option('--lazy', 'index it when it is first read')
    .addOption(
      new Option('--announce <policy>', 'what to tell the network').choices(announcePolicies)
    )
    .action(
      action(async (session, file: string, options: RegisterOptions) => {
        const call = { args: [resolve(file)], options }
        for await (const shard of session.call('repo', registerShardVerb, call)) {
          session.print(shard, ({ key, state }) => `registered ${key} (${state})`)
        }
      })
    )
}

function destroyCommand({ action }: Cli): Command {
  return new Command('destroy-shard')
    .description('forget a shard: a file of yours stays, one that Cardock owns is deleted')
    .argument('<key>', 'the shard')
    .action(
      action(async (session, key: string) => {
        for await (const value of session.call('repo', destroyShardVerb, { args: [key] })) {
          session.print(value, () => `destroyed ${key}`)
        }
      })
    )
}
