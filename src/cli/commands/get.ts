import { basename, join } from 'node:path'
import { Command } from 'commander'
import { getVerb } from '../../gateway/index.ts'
import { statOf, writeWhole } from '../output-file.ts'
import type { Cli } from '../session.ts'
import { writeBytes } from '../terminal.ts'
import { unpack } from '../unpack.ts'

interface Options {
  readonly output?: string
  readonly archive?: boolean
}

export function getCommand({ action }: Cli): Command {
  return new Command('get')
    .description('write a file or a folder to disk')
    .argument('<path>', 'a CID, or a path below one: <cid>/folder')
    .option(
      '-o, --output <path>',
      'write it here (default: the last name of the path); - is stdout'
    )
    .option('-a, --archive', 'write it as a tar')
    .action(
      action(async (session, path: string, { output, archive }: Options) => {
        const { terminal, signal, globals } = session
        const call = { args: [path], options: { offline: globals.offline } }
        const tar = session.call('network', getVerb, call)
        if (output === '-') return writeBytes(terminal.stdout, tar, signal)
        const target = await targetOf(path, output)
        if (archive === true) await writeWhole(withTar(target), tar)
        else await unpack(tar, target)
        session.print({ path: target }, () => `Saved to ${target}`)
      })
    )
}

/** A folder that exists takes it in under its own name. */
async function targetOf(path: string, output: string | undefined): Promise<string> {
  if (output === undefined) return basename(path)
  return (await statOf(output))?.isDirectory() === true ? join(output, basename(path)) : output
}

function withTar(path: string): string {
  return path.endsWith('.tar') ? path : `${path}.tar`
}
