import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../abort.ts'
import { ClosedError } from '../errors.ts'
import type { Log } from '../log.ts'
import { CarInvalidError } from './errors.ts'
import type { InboundConfig } from './inbound/config.ts'
import { findParts } from './inbound/find-parts.ts'
import { InboundCar } from './inbound/inbound-car.ts'
import { partSuffix } from './inbound/part-files.ts'

/** Longest beginning of a file's name that is the root's CID: an identity CID can be long. */
const nameLengthMax = 100

interface PartsOptions {
  readonly dir: string
  readonly config: { readonly inbound: InboundConfig; readonly idlePartsMax: number }
  readonly log: Log
}

/** A part in memory. `lent`: somebody asked for it, to write to it until it is no longer open. */
interface Held {
  readonly part: InboundCar
  lent: boolean
}

/** A part that has the block; `get` answers undefined when it has come to an end meanwhile. */
interface HoldingPart {
  get(options: AbortOptions): Promise<Uint8Array | undefined>
  size(): Promise<number>
}

/**
 * The CARs that are being received, one a root. What its user suspended, or an earlier process left,
 * answers reads like the others; of such parts some are held, the rest wait on the disk until their
 * root is asked for.
 */
export class InboundParts {
  readonly #options: PartsOptions
  /** By root, least recently opened first. */
  readonly #held = new Map<string, Held>()
  /** Paths of parts that are not held, by root. */
  readonly #left = new Map<string, string>()
  /** Parts that are being opened, closed or sealed, by root: who wants the root waits. */
  readonly #changing = new Map<string, Promise<unknown>>()
  #closed = false

  constructor(options: PartsOptions) {
    this.#options = options
  }

  /** Takes up what an earlier process left. To be called once, before anything is received. */
  async takeUp(): Promise<void> {
    const { dir, config, log } = this.#options
    for (const part of await findParts(dir)) {
      const { path, state } = part
      if (state === 'damaged') log.warn({ path }, 'a part does not say what it is for')
      if (state !== 'open') continue
      const key = part.request.root.toString()
      if (this.#left.has(key)) log.warn({ path }, 'there is another part of this root')
      else this.#left.set(key, path)
    }
    const first = [...this.#left.keys()].slice(0, config.idlePartsMax)
    for (const key of first) await this.#present(key)
  }

  /** The part of this root, with what it has from before, or a new one. */
  async open(root: CID): Promise<InboundCar> {
    const key = root.toString()
    const part = await this.#change(key, async () => {
      const held = (await this.#present(key)) ?? (await this.#create(root))
      held.lent = true
      return held.part
    })
    await this.#letGoOfIdle()
    return part
  }

  /** Runs `seal`; a part that is a CAR then is let go of, whatever else went wrong. */
  async finish<T>(part: InboundCar, seal: () => Promise<T>): Promise<T> {
    const key = part.root.toString()
    return this.#change(key, async () => {
      try {
        return await seal()
      } finally {
        if (part.state === 'sealed') {
          if (this.#held.get(key)?.part === part) this.#held.delete(key)
          await part.close()
        }
      }
    })
  }

  /** Something is being received for this root. */
  isFor(root: CID): boolean {
    const key = root.toString()
    return this.#held.has(key) || this.#left.has(key)
  }

  holding(cid: CID): HoldingPart | undefined {
    for (const [key, { part }] of this.#held) {
      if (part.ordinalOf(cid) === undefined) continue
      return {
        get: async options => this.#read(key, cid, options),
        size: async () => part.size(cid)
      }
    }
    return undefined
  }

  /** Suspends what is open. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#changing.values())
    const held = [...this.#held.values()]
    this.#held.clear()
    const closed = await Promise.allSettled(held.map(async ({ part }) => closeHeld(part)))
    for (const result of closed) if (result.status === 'rejected') throw result.reason
  }

  async #read(key: string, cid: CID, options: AbortOptions): Promise<Uint8Array | undefined> {
    try {
      const held = this.#held.get(key)
      if (held !== undefined) return await held.part.get(cid, options)
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error
    }
    const held = await this.#change(key, async () => this.#present(key))
    const bytes = await held?.part.get(cid, options)
    await this.#letGoOfIdle()
    return bytes
  }

  /** One change of a root's part at a time. */
  async #change<T>(key: string, change: () => Promise<T>): Promise<T> {
    while (this.#changing.has(key)) await Promise.allSettled([this.#changing.get(key)])
    if (this.#closed) throw new ClosedError('dagstore')
    const changed = change()
    this.#changing.set(key, changed)
    try {
      return await changed
    } finally {
      this.#changing.delete(key)
    }
  }

  /** The root's part, open for writing; opened again if it was suspended or an fsync of it failed. */
  async #present(key: string): Promise<Held | undefined> {
    const held = this.#held.get(key)
    if (held === undefined) return this.#resume(key)
    const { state, path } = held.part
    if (state === 'open' || state === 'sealing') return held
    // Whoever suspended it may not have waited: nobody else is at the file when it is opened again.
    await closeHeld(held.part)
    this.#held.delete(key)
    if (path.endsWith(partSuffix)) this.#left.set(key, path)
    return this.#resume(key)
  }

  /** The part that the disk has, if it has one. It is forgotten only when it is of no use. */
  async #resume(key: string): Promise<Held | undefined> {
    const { config, log } = this.#options
    const path = this.#left.get(key)
    if (path === undefined) return undefined
    try {
      if (await exists(path)) {
        const part = await InboundCar.resume({ partPath: path, config: config.inbound })
        this.#left.delete(key)
        return this.#hold(key, part)
      }
    } catch (error) {
      if (!(error instanceof CarInvalidError)) throw error
      log.warn({ path, err: error }, 'a part cannot be gone on with')
    }
    this.#left.delete(key)
    return undefined
  }

  async #create(root: CID): Promise<Held> {
    const { dir, config } = this.#options
    const key = root.toString()
    const name = `${key.slice(0, nameLengthMax)}.${randomBytes(4).toString('hex')}`
    const options = { dir, name, request: { root }, config: config.inbound }
    return this.#hold(key, await InboundCar.create(options))
  }

  #hold(key: string, part: InboundCar): Held {
    const held = { part, lent: false }
    this.#held.set(key, held)
    return held
  }

  /** Closes parts that nobody writes to, past as many as may be kept. */
  async #letGoOfIdle(): Promise<void> {
    const idle = [...this.#held].filter(([, held]) => isIdle(held)).map(([key]) => key)
    const past = Math.max(0, idle.length - this.#options.config.idlePartsMax)
    for (const key of idle.slice(0, past)) {
      await this.#change(key, async () => {
        const held = this.#held.get(key)
        if (held === undefined || !isIdle(held)) return
        this.#held.delete(key)
        this.#left.set(key, held.part.path)
        await closeHeld(held.part)
      })
    }
  }
}

function isIdle({ part, lent }: Held): boolean {
  return !lent || part.state === 'closed'
}

/** After a failed fsync there is nothing left to write; who appended was told. */
async function closeHeld(part: InboundCar): Promise<void> {
  const wasPoisoned = part.state === 'poisoned'
  try {
    await part.close()
  } catch (error) {
    if (!wasPoisoned) throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  )
}
