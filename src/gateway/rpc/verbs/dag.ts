import type { Verb } from '../verb.ts'
import { noArgs, offlineOption, type OfflineOption } from './options.ts'

/** The DAG under a CID as a CARv1, in depth-first order. A block that is missing fails it. */
export const dagExportVerb: Verb<OfflineOption, Uint8Array> = {
  path: 'dag/export',
  route: 'kubo',
  output: 'bytes',
  args: { name: 'root', min: 1, max: 1 },
  options: { offline: offlineOption },
  async *run({ peer }, { args: [path = ''], options, signal }) {
    const cid = await peer.resolve(path, { ...options, signal })
    yield* peer.exportCar(cid, { ...options, signal })
  }
}

/** A root of an imported CAR; at the end of all, with `stats`, what was in the CARs. */
export interface DagImportValue {
  readonly Root?: { readonly Cid: { readonly '/': string }; readonly PinErrorMsg: '' }
  readonly Stats?: { readonly BlockCount: number; readonly BlockBytesCount: number }
}

/** kubo's: CARs in the body, whose bytes become ours. */
export const dagImportVerb: Verb<{ readonly stats?: boolean }, DagImportValue> = {
  path: 'dag/import',
  route: 'kubo',
  output: 'values',
  args: noArgs,
  options: { stats: { type: 'boolean', description: 'count what was imported' } },
  body: 'multipart',
  async *run({ peer }, { files, options: { stats = false }, signal }) {
    let BlockCount = 0
    let BlockBytesCount = 0
    for await (const { content } of files) {
      const report = await peer.importStream(content, { signal })
      BlockCount += report.blocks
      BlockBytesCount += report.bytes
      for (const root of report.roots) {
        yield { Root: { Cid: { '/': root.toString() }, PinErrorMsg: '' } }
      }
    }
    if (stats) yield { Stats: { BlockCount, BlockBytesCount } }
  }
}
