/** A repo in a folder of its own, CARs of a wanted content, and a log that can be asked. */
import { createHash } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { Dagstore, encodeHeader, encodeSectionHead } from '../../src/dagstore/index.ts'
import type { DagstoreSettings, ShardInfo } from '../../src/dagstore/index.ts'
import type { Block } from '../../src/block.ts'
import type { Log } from '../../src/log.ts'

export class TestRepo implements AsyncDisposable {
  readonly dir: string
  /** What the stores of this repo logged, as `message key`. */
  readonly lines: string[] = []
  readonly #stores: Dagstore[] = []

  private constructor(dir: string) {
    this.dir = dir
  }

  static async create(): Promise<TestRepo> {
    return new TestRepo(await mkdtemp(join(tmpdir(), 'cardock-dagstore-')))
  }

  /** Closes the store that was open and opens another. */
  async open(config?: DagstoreSettings): Promise<Dagstore> {
    await this.#stores.at(-1)?.close()
    const store = await Dagstore.open({ dir: join(this.dir, 'repo'), config, log: this.#log() })
    this.#stores.push(store)
    return store
  }

  path(...names: string[]): string {
    return join(this.dir, ...names)
  }

  /** Names in a folder of the repo. */
  async names(...folder: string[]): Promise<string[]> {
    return (await readdir(this.path('repo', ...folder))).toSorted()
  }

  /** Files of the repo's `index/`, without those of the lookup. */
  async indices(): Promise<string[]> {
    return (await this.names('index')).filter(name => name.endsWith('.cix'))
  }

  /** How many times a shard was indexed, over all stores. */
  indexed(key: string): number {
    return this.lines.filter(line => line === `shard indexed ${key}`).length
  }

  /** Writes a CARv1 with these blocks, its root the first of them. */
  async car(name: string, content: readonly Block[]): Promise<string> {
    const [root] = content
    await writeFile(this.path(name), carBytes(content, root === undefined ? [] : [root.cid]))
    return this.path(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores) await store.close()
    await rm(this.dir, { recursive: true })
  }

  #log(): Log {
    const add = (fields: object, message: string): void => {
      this.lines.push(`${message} ${(fields as { key?: string }).key ?? ''}`)
    }
    return { debug: add, info: add, warn: add, error: add }
  }
}

export function carBytes(content: readonly Block[], roots: readonly CID[]): Buffer {
  const sections = content.flatMap(({ cid, bytes }) => [
    encodeSectionHead(cid, bytes.length),
    bytes
  ])
  return Buffer.concat([encodeHeader(roots), ...sections])
}

/** A raw block of this text. */
export function block(text: string): Block {
  const bytes = Buffer.from(text)
  const digest = createHash('sha256').update(bytes).digest()
  return { cid: CID.createV1(0x55, createDigest(0x12, digest)), bytes }
}

/** Raw blocks, no two alike as long as the names differ. */
export function blocks(name: string, count: number): Block[] {
  return Array.from({ length: count }, (_, at) => block(`${name} ${at} ${'.'.repeat(at % 50)}`))
}

export async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}

export async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of from) all.push(each)
  return all
}

/** Waits, without a clock, for what background work will make true. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 50_000_000) throw new Error('it never came true')
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Why a test that asks `filesOpenIn` is skipped here. */
export const notLinux: string | false = process.platform === 'linux' ? false : 'looks into /proc'

/** How many files under `dir` this process has open. */
export function filesOpenIn(dir: string): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir)
    } catch {
      return false // the descriptor of this very listing
    }
  }).length
}

export function states(store: Dagstore): string[] {
  return store.list().shards.map((shard: ShardInfo) => `${shard.key} ${shard.state}`)
}
