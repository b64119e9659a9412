import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import type { BlockSource } from '../block.ts'
import { BlockMissingError, ClosedError } from '../errors.ts'
import type { Log } from '../log.ts'
import { CarInvalidError } from './errors.ts'
import type { InboundConfig } from './inbound/config.ts'
import { findParts } from './inbound/find-parts.ts'
import { InboundCar } from './inbound/inbound-car.ts'
import { partSuffix } from './inbound/part-files.ts'

/** Longest beginning of a file's name that is the root's CID: an identity CID can be long. */
const nameLengthMax = 100

/**
 * The CARs that are being received, one a root. A part that its user suspended is opened again when
 * it is next asked for.
 */
export class InboundParts {
  readonly #dir: string
  readonly #config: InboundConfig
  readonly #log: Log
  /** By root. */
  readonly #parts = new Map<string, InboundCar>()
  /** Parts that are being opened or sealed, by root: who wants the root waits. */
  readonly #changing = new Map<string, Promise<unknown>>()

  constructor({ dir, config, log }: { dir: string; config: InboundConfig; log: Log }) {
    this.#dir = dir
    this.#config = config
    this.#log = log
  }

  /** Takes up what an earlier process left. To be called once, before anything is received. */
  async takeUp(): Promise<void> {
    for (const part of await findParts(this.#dir)) {
      const { path, state } = part
      if (state === 'damaged') this.#log.warn({ path }, 'a part does not say what it is for')
      if (state === 'open') await this.#resumeFound(path, part.request.root.toString())
    }
  }

  /** The part of this root, with what it has from before, or a new one. */
  async open(root: CID): Promise<InboundCar> {
    const key = root.toString()
    while (this.#changing.has(key)) await Promise.allSettled([this.#changing.get(key)])
    return this.#change(key, async () => (await this.#present(key)) ?? this.#create(root))
  }

  /** Runs `seal`; a part that is a CAR then is let go of, whatever else went wrong. */
  async finish<T>(part: InboundCar, seal: () => Promise<T>): Promise<T> {
    const key = part.root.toString()
    return this.#change(key, async () => {
      try {
        return await seal()
      } finally {
        if (!isPart(part)) await this.#letGo(key, part)
      }
    })
  }

  /** Something is being received for this root. */
  isFor(root: CID): boolean {
    return this.#parts.has(root.toString())
  }

  /** A part that has the block. */
  holding(cid: CID): Pick<BlockSource, 'get' | 'size'> | undefined {
    for (const [key, part] of this.#parts) {
      if (part.ordinalOf(cid) === undefined) continue
      return {
        get: async (_, options = {}) => this.#read(key, cid, options),
        size: async () => part.size(cid)
      }
    }
    return undefined
  }

  /** Suspends what is open. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#changing.values())
    const parts = [...this.#parts.values()]
    this.#parts.clear()
    const closed = await Promise.allSettled(parts.map(async part => part.close()))
    for (const result of closed) if (result.status === 'rejected') throw result.reason
  }

  async #read(key: string, cid: CID, options: AbortOptions): Promise<Uint8Array> {
    try {
      const part = this.#parts.get(key)
      if (part !== undefined) return await part.get(cid, options)
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error
    }
    await Promise.allSettled([this.#changing.get(key)])
    const part = await this.#change(key, async () => this.#present(key))
    if (part === undefined) throw new BlockMissingError(cid)
    return part.get(cid, options)
  }

  async #resumeFound(path: string, key: string): Promise<void> {
    if (this.#parts.has(key)) {
      this.#log.warn({ path }, 'there is another part of this root')
      return
    }
    try {
      this.#parts.set(key, await InboundCar.resume({ partPath: path, config: this.#config }))
    } catch (error) {
      if (!(error instanceof CarInvalidError)) throw error
      this.#log.warn({ path, err: error }, 'a part cannot be gone on with')
    }
  }

  /** One change of a root's part at a time. */
  async #change<T>(key: string, change: () => Promise<T>): Promise<T> {
    const changed = change()
    this.#changing.set(key, changed)
    try {
      return await changed
    } finally {
      if (this.#changing.get(key) === changed) this.#changing.delete(key)
    }
  }

  /** The root's part, open for writing; opened again if its user suspended it. */
  async #present(key: string): Promise<InboundCar | undefined> {
    const part = this.#parts.get(key)
    if (part === undefined || (await isOpen(part))) return part
    this.#parts.delete(key)
    if (!isPart(part) || !(await exists(part.path))) return undefined
    const resumed = await InboundCar.resume({ partPath: part.path, config: this.#config })
    this.#parts.set(key, resumed)
    return resumed
  }

  async #create(root: CID): Promise<InboundCar> {
    const key = root.toString()
    const name = `${key.slice(0, nameLengthMax)}.${randomBytes(4).toString('hex')}`
    const options = { dir: this.#dir, name, request: { root }, config: this.#config }
    const part = await InboundCar.create(options)
    this.#parts.set(key, part)
    return part
  }

  async #letGo(key: string, part: InboundCar): Promise<void> {
    if (this.#parts.get(key) === part) this.#parts.delete(key)
    await part.close()
  }
}

function isPart({ path }: InboundCar): boolean {
  return path.endsWith(partSuffix)
}

/** Whether its last user left it open; what it holds is durable then. */
async function isOpen(part: InboundCar): Promise<boolean> {
  try {
    await part.flush()
    return true
  } catch (error) {
    if (error instanceof ClosedError) return false
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  )
}
