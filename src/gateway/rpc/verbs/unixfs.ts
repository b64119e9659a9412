import type { Verb } from '../verb.ts'
import { offlineOption, type OfflineOption } from './options.ts'

interface CatOptions extends OfflineOption {
  readonly offset?: number | undefined
  readonly length?: number | undefined
}

/** The bytes of UnixFS files, one file after another. */
export const catVerb: Verb<CatOptions, Uint8Array> = {
  path: 'cat',
  route: 'kubo',
  output: 'bytes',
  args: { name: 'path', min: 1, max: Infinity },
  options: {
    offset: { type: 'integer', minimum: 0, description: 'byte to begin at' },
    length: { type: 'integer', minimum: 0, description: 'most bytes to give' },
    offline: offlineOption
  },
  async *run({ peer }, { args, options, signal }) {
    for (const path of args) yield* peer.cat(path, { ...options, signal })
  }
}

/** A file or a folder as a tar. */
export const getVerb: Verb<OfflineOption, Uint8Array> = {
  path: 'get',
  route: 'kubo',
  output: 'bytes',
  args: { name: 'path', min: 1, max: 1 },
  options: { offline: offlineOption },
  async *run({ peer }, { args: [path = ''], options, signal }) {
    yield* peer.get(path, { ...options, signal })
  }
}
