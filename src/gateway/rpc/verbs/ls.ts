import { LimitExceededError } from '../../../errors.ts'
import type { DirectoryEntry } from '../../../node/index.ts'
import type { Verb } from '../verb.ts'
import { offlineOption, type OfflineOption } from './options.ts'

/** Entries of a folder. With `stream`, each value holds one of them. */
export interface LsValue {
  readonly Objects: readonly { readonly Hash: string; readonly Links: readonly LsLink[] }[]
}

export interface LsLink {
  readonly Name: string
  readonly Hash: string
  readonly Size: number
  /** In UnixFS' numbers: 0 no UnixFS, 1 a folder, 2 a file, 4 a symbolic link. */
  readonly Type: number
}

interface LsOptions extends OfflineOption {
  readonly stream?: boolean
}

/** Entries that are held for an answer in one value. */
const linksMax = 1_000_000

const typeNumbers: Record<DirectoryEntry['type'], number> = {
  other: 0,
  directory: 1,
  file: 2,
  symlink: 4
}

export const lsVerb: Verb<LsOptions, LsValue> = {
  path: 'ls',
  route: 'kubo',
  output: 'values',
  args: { name: 'path', min: 1, max: Infinity },
  options: {
    stream: { type: 'boolean', description: 'give each entry as it is found' },
    offline: offlineOption
  },
  async *run({ peer }, { args, options: { stream = false, offline }, signal }) {
    for (const path of args) {
      const links: LsLink[] = []
      for await (const entry of peer.ls(path, { offline, signal })) {
        if (stream) yield valueOf(path, [linkOf(entry)])
        else if (links.push(linkOf(entry)) > linksMax) {
          throw new LimitExceededError(`entries of ${path}`, linksMax, 'use stream=true')
        }
      }
      if (!stream) yield valueOf(path, links)
    }
  }
}

function valueOf(path: string, links: LsLink[]): LsValue {
  return { Objects: [{ Hash: path, Links: links }] }
}

function linkOf({ name, cid, size, type }: DirectoryEntry): LsLink {
  return { Name: name, Hash: cid.toString(), Size: size, Type: typeNumbers[type] }
}
