import type { Verb } from '../verb.ts'
import { offlineOption, type OfflineOption } from './options.ts'

export interface BlockStatValue {
  readonly Key: string
  readonly Size: number
}

/** The bytes of one block, as they are. */
export const blockGetVerb: Verb<OfflineOption, Uint8Array> = {
  path: 'block/get',
  route: 'kubo',
  output: 'bytes',
  args: { name: 'cid', min: 1, max: 1 },
  options: { offline: offlineOption },
  async *run({ peer }, { args: [path = ''], options, signal }) {
    const cid = await peer.resolve(path, { ...options, signal })
    yield peer.block(cid, { ...options, signal })
  }
}

export const blockStatVerb: Verb<OfflineOption, BlockStatValue> = {
  path: 'block/stat',
  route: 'kubo',
  output: 'values',
  args: { name: 'cid', min: 1, max: 1 },
  options: { offline: offlineOption },
  async *run({ peer }, { args: [path = ''], options, signal }) {
    const cid = await peer.resolve(path, { ...options, signal })
    const { size } = await peer.blockStat(cid, { ...options, signal })
    yield { Key: cid.toString(), Size: size }
  }
}
