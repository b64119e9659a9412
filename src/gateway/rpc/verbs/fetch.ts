import type { FetchProgress, FetchReport } from '../../../node/index.ts'
import { reporting } from '../reporting.ts'
import type { Verb } from '../verb.ts'
import { providersAt } from './providers.ts'

/** How far a fetch is, again and again; at last what came of it. */
export type FetchValue = FetchProgressValue | FetchReportValue

export type FetchProgressValue = Omit<FetchProgress, 'waitingFor'> & {
  readonly type: 'progress'
  readonly waitingFor: readonly string[]
}

export type FetchReportValue = Omit<FetchReport, 'root'> & {
  readonly type: 'report'
  readonly root: string
}

interface FetchOptions {
  readonly providers?: readonly string[] | undefined
}

/** Brings a whole DAG into the repo as a shard of its own. */
export const fetchVerb: Verb<FetchOptions, FetchValue> = {
  path: 'fetch',
  route: 'own',
  output: 'values',
  args: { name: 'path', min: 1, max: 1 },
  options: {
    providers: {
      type: 'array',
      items: { type: 'string' },
      description: 'multiaddrs of peers to ask, with /p2p/<id>'
    }
  },
  async *run({ peer }, { args: [path = ''], options, signal }) {
    const providers = await providersAt(options.providers ?? [])
    const cid = await peer.resolve(path, { providers, signal })
    const events = reporting<FetchProgress, FetchReport>(
      reporter => peer.fetch(cid, { ...reporter, providers }),
      signal
    )
    for await (const event of events) {
      if ('progress' in event) yield progressOf(event.progress)
      else yield { type: 'report', ...event.result, root: event.result.root.toString() }
    }
  }
}

function progressOf({ waitingFor, ...progress }: FetchProgress): FetchProgressValue {
  return { type: 'progress', ...progress, waitingFor: waitingFor.map(String) }
}
