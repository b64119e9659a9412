import { type Command, Option } from 'commander'

/** Options that every command takes, before or after its own. */
export interface GlobalOptions {
  readonly repoDir?: string
  readonly api?: string
  readonly timeout?: string
  readonly json?: boolean
  readonly encoding?: 'json' | 'text'
  readonly debug?: boolean
  readonly offline?: boolean
}

export function addGlobals(program: Command): void {
  program
    .option('--repo-dir <path>', 'the repo ($CARDOCK_PATH, else ~/.cardock)')
    .option('--api <address>', 'RPC of the daemon to talk to, such as /ip4/127.0.0.1/tcp/5001')
    .option('--timeout <duration>', 'give up after this time, such as 30s or 1h30m')
    .option('--offline', 'use only what is here')
    .option('--json', 'print JSON, a value a line')
    .addOption(
      new Option('--enc, --encoding <type>', 'the same as --json, as kubo spells it').choices([
        'json',
        'text'
      ])
    )
    .option('-D, --debug', 'log everything; show where an error comes from')
}
