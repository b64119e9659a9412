import { Command } from 'commander'
import { anySignal } from '../../abort.ts'
import {
  dagExportVerb,
  fetchVerb,
  RpcFailedError,
  UsageInvalidError,
  type FetchReportValue
} from '../../gateway/index.ts'
import { writeWhole } from '../output-file.ts'
import { describeFetch, progressLine } from '../progress.ts'
import { formatBytes, formatMs } from '../render.ts'
import type { Cli, Session } from '../session.ts'
import { printLine, printNote, writeBytes } from '../terminal.ts'

interface Options {
  readonly output?: string
  readonly progress?: boolean
  readonly providers?: readonly string[]
}

export function fetchCommand({ action }: Cli): Command {
  return new Command('fetch')
    .description('bring a whole DAG into the repo, as a CAR that is served from then on')
    .argument('<path>', 'a CID, or a path below one: <cid>/folder')
    .option('-o, --output <file>', 'write the DAG as a CAR here too; - is stdout')
    .option('-p, --progress', 'show how far it is, also without a terminal')
    .option(
      '--provider, --providers <addresses>',
      'ask these peers first: multiaddrs with /p2p/<id>, with commas between them',
      addList
    )
    .action(action(fetchDag))
}

function addList(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').filter(address => address !== '')]
}

async function fetchDag(session: Session, path: string, options: Options): Promise<void> {
  if (session.globals.offline === true) {
    throw new UsageInvalidError(
      'fetch asks the network: for a DAG that is here, use `cardock dag export --offline`'
    )
  }
  const { output } = options
  const scope = new AbortController()
  const target = { path, options, signal: anySignal(session.signal, scope.signal) }
  const begun = Promise.withResolvers<void>()
  const fetching = follow(session, target, begun.resolve)
  fetching.catch(begun.reject)
  // The export follows the fetch: begun after it, it joins its session and its providers.
  const exporting = begun.promise.then(() => exportTo(output, session, target))
  try {
    const [report] = await Promise.all([fetching, exporting])
    if (!session.isJson) print(textOf(report), session, options)
  } finally {
    scope.abort()
    await Promise.allSettled([fetching, exporting])
  }
}

interface Target {
  readonly path: string
  readonly options: Options
  readonly signal: AbortSignal
}

/** Shows how far the fetch is until it ends. `onBegun` is called when it is on its way. */
async function follow(
  session: Session,
  { path, options, signal }: Target,
  onBegun: () => void
): Promise<FetchReportValue> {
  const { providers, progress } = options
  using line = progressLine(session.terminal, progress === true)
  const call = { args: [path], options: { providers }, signal }
  for await (const value of session.call('network', fetchVerb, call)) {
    onBegun()
    if (session.isJson) print(JSON.stringify(value), session, options)
    if (value.type === 'report') return value
    line.update(describeFetch(value))
  }
  throw new RpcFailedError('the fetch ended without a word: look into the log of the daemon')
}

async function exportTo(
  output: string | undefined,
  session: Session,
  { path, signal }: Target
): Promise<void> {
  if (output === undefined) return
  const chunks = session.call('network', dagExportVerb, { args: [path], signal })
  if (output === '-') await writeBytes(session.terminal.stdout, chunks, signal)
  else await writeWhole(output, chunks)
}

/** On stdout, unless the CAR is there. */
function print(text: string, { terminal }: Session, { output }: Options): void {
  if (output === '-') printNote(terminal, text)
  else printLine(terminal, text)
}

/** As lassie has it, and what became of it. */
function textOf(report: FetchReportValue): string {
  const { root, from, shard, blocks, bytes, reusedBlocks, durationMs, peers } = report
  const source = from === 'local' ? 'this repo: it was here already' : peers.join(', ')
  return [
    `Fetched [${root}] from [${source}]:`,
    `\tDuration: ${formatMs(durationMs)}`,
    `\t  Blocks: ${blocks}${reusedBlocks === 0 ? '' : ` (${reusedBlocks} were here already)`}`,
    `\t   Bytes: ${formatBytes(bytes)}`,
    ...(shard === undefined ? [] : [`\t   Shard: ${shard}`])
  ].join('\n')
}
