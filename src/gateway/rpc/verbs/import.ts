import type { ImportReport } from '../../../node/index.ts'
import type { Verb } from '../verb.ts'
import { localPath } from './local-path.ts'

export type ImportValue = Omit<ImportReport, 'roots'> & {
  /** The file as the call named it. */
  readonly file: string
  readonly roots: readonly string[]
}

interface ImportOptions {
  readonly copy?: boolean | undefined
}

/** CARs of this machine by their absolute paths, and CARs in the body. */
export const importVerb: Verb<ImportOptions, ImportValue> = {
  path: 'dag/import',
  route: 'own',
  output: 'values',
  args: { name: 'path', min: 0, max: Infinity },
  options: { copy: { type: 'boolean', description: 'copy the files into the repo' } },
  body: 'multipart',
  async *run({ peer }, { args, files, options, signal }) {
    for (const path of args) {
      yield valueOf(path, await peer.importCar(localPath(path), { ...options, signal }))
    }
    for await (const { name, content } of files) {
      yield valueOf(name, await peer.importStream(content, { signal }))
    }
  }
}

function valueOf(file: string, report: ImportReport): ImportValue {
  return { file, ...report, roots: report.roots.map(String) }
}
