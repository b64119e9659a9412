import { version } from '../../../version.ts'
import type { NoOptions, Verb } from '../verb.ts'
import { noArgs } from './options.ts'

export interface VersionValue {
  readonly Version: string
  /** Of the layout of the repo's files. */
  readonly Repo: string
  readonly System: string
  readonly Node: string
}

export const versionVerb: Verb<NoOptions, VersionValue> = {
  path: 'version',
  route: 'kubo',
  output: 'values',
  args: noArgs,
  options: {},
  async *run() {
    yield versionValue()
  }
}

/** What kubo's `version` says, of this program. */
export function versionValue(): VersionValue {
  const System = `${process.arch}/${process.platform}`
  return { Version: version, Repo: '1', System, Node: process.version }
}
