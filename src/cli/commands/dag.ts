import { resolve } from 'node:path'
import { Command } from 'commander'
import {
  dagExportVerb,
  importVerb,
  UsageInvalidError,
  type ImportValue,
  type InputFile
} from '../../gateway/index.ts'
import { ImportFailedError, messageOf } from '../errors.ts'
import { progressLine } from '../progress.ts'
import { formatBytes, formatCount } from '../render.ts'
import type { Cli, Session } from '../session.ts'
import { printNote, writeBytes } from '../terminal.ts'

export function dagCommand(cli: Cli): Command {
  return new Command('dag')
    .description('whole DAGs, as CAR files')
    .addCommand(importCommand(cli))
    .addCommand(exportCommand(cli))
}

interface ImportOptions {
  readonly copy?: boolean
}

function importCommand({ action }: Cli): Command {
  return new Command('import')
    .description('serve CAR files: in place, or with --copy from a copy in the repo')
    .argument('[file...]', '- or nothing is stdin, which is copied')
    .option('--copy', 'copy the files into the repo')
    .action(
      action(async (session, files: string[], options: ImportOptions) => {
        if (files.length === 0 && session.terminal.stdin.isTTY === true) {
          throw new UsageInvalidError('name a CAR file, or give one on stdin')
        }
        const named = files.length === 0 ? ['-'] : files
        const failed: string[] = []
        for (const file of named) {
          await importOne(session, file, options).catch((error: unknown) => {
            session.signal.throwIfAborted()
            printNote(session.terminal, `${file}: not imported: ${messageOf(error)}`)
            failed.push(file)
          })
        }
        if (failed.length > 0) throw new ImportFailedError(failed.length, named.length)
      })
    )
}

async function importOne(session: Session, file: string, options: ImportOptions): Promise<void> {
  const call = file === '-' ? { files: stdinOf(session) } : { args: [resolve(file)], options }
  for await (const value of session.call('repo', importVerb, call)) {
    session.print(value, imported => textOf(file, imported))
  }
}

async function* stdinOf({ terminal }: Session): AsyncGenerator<InputFile> {
  yield { name: '-', content: terminal.stdin }
}

function textOf(file: string, { key, blocks, bytes, owned }: ImportValue): string {
  const fate = owned ? 'copied into the repo' : 'served in place, keep this file'
  return `${file}: ${fate} (shard ${key}, ${formatCount(blocks, 'block')}, ${formatBytes(bytes)})`
}

function exportCommand({ action }: Cli): Command {
  return new Command('export')
    .description('print the DAG under a CID as a CAR')
    .argument('<path>', 'a CID, or a path below one: <cid>/folder')
    .option('-p, --progress', 'show how much was written, also without a terminal')
    .action(
      action(async (session, path: string, options: { readonly progress?: boolean }) => {
        const { terminal, signal, globals } = session
        const call = { args: [path], options: { offline: globals.offline } }
        const chunks = session.call('network', dagExportVerb, call)
        using line = progressLine(terminal, options.progress === true)
        await writeBytes(
          terminal.stdout,
          counted(chunks, bytes => line.update(bytes)),
          signal
        )
      })
    )
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onCount: (text: string) => void
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    onCount(`${formatBytes(bytes)} written`)
    yield chunk
  }
}
