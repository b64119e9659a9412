import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import type { AbortOptions } from '../../abort.ts'
import { inlineBytes, verify } from '../../block.ts'
import type { Block, BlockSource } from '../../block.ts'
import { BlockMissingError, ClosedError } from '../../errors.ts'
import { carLimitDefaults } from '../car/limits.ts'
import { encodeSectionHead } from '../car/section.ts'
import { CarLimitError } from '../errors.ts'
import { rethrowExhaustion } from '../exhaustion.ts'
import type { InboundConfig } from './config.ts'
import { encodeOpenPage, sectionsStart } from './first-page.ts'
import type { PartRequest } from './first-page.ts'
import {
  closePart,
  createPart,
  finishPart,
  openPart,
  partSuffix,
  removePart
} from './part-files.ts'
import type { PartFiles } from './part-files.ts'
import { flagsOf } from './part-records.ts'
import type { PartRecords } from './part-records.ts'
import { PartWriter } from './part-writer.ts'
import { nothingRecovered, readRequest, recoverPart } from './recover-part.ts'
import type { RecoveredPart } from './recover-part.ts'
import { sealPart } from './seal.ts'
import type { SealedCar, SealOptions } from './seal.ts'

/** How much of an earlier run's work a resumed part still has. Bytes of blocks, but for `cutBytes`. */
export interface Resumed {
  readonly blocks: number
  readonly bytes: number
  /** Torn or damaged at the end of the file and cut off: sections, whole or not. */
  readonly cutBytes: number
}

/** `poisoned`: closed for writing by a failed fsync. Close it and resume the part to go on. */
export type InboundState = 'open' | 'poisoned' | 'sealing' | 'sealed' | 'closed'

/** What an `InboundCar` is made of. */
interface OpenedPart {
  readonly path: string
  readonly request: PartRequest
  readonly files: PartFiles
  readonly recovered: RecoveredPart
  readonly config: InboundConfig
}

/**
 * A CAR that is being received: each block is written to it once, and it answers reads from the
 * first block on. Killed at any time, it is resumed with every block that had reached the file.
 * At the end it is sealed as a CARv2 with an index, or suspended for another run, or discarded;
 * `close()` it in any case.
 *
 * One process and one `InboundCar` at a time may have a part open.
 */
export class InboundCar implements BlockSource {
  readonly root: CID
  readonly resumed: Resumed
  readonly #request: PartRequest
  readonly #config: InboundConfig
  readonly #records: PartRecords
  readonly #writer: PartWriter
  #path: string
  #state: Exclude<InboundState, 'poisoned'> = 'open'
  #sealing: Promise<SealedCar> | undefined
  /** A suspension or discarding, done or under way. */
  #ending: Promise<void> | undefined

  private constructor({ path, request, files, recovered, config }: OpenedPart) {
    const { records, cutBytes } = recovered
    this.root = request.root
    this.resumed = { blocks: records.count, bytes: records.dataBytes, cutBytes }
    this.#request = request
    this.#config = config
    this.#records = records
    this.#writer = new PartWriter(path, files, { recovered, config })
    this.#path = path
  }

  /** Starts `<dir>/<name>.part`. @throws RESOURCE_EXHAUSTED, or EEXIST when it is there already */
  static async create(options: {
    readonly dir: string
    readonly name: string
    readonly request: PartRequest
    readonly config: InboundConfig
  }): Promise<InboundCar> {
    const { dir, name, request, config } = options
    const path = join(dir, name + partSuffix)
    const files = await createPart(path, encodeOpenPage(request))
    return new InboundCar({ path, request, files, recovered: nothingRecovered(), config })
  }

  /**
   * Goes on with a part that `findParts` reported as open. Its sections after the last mark are
   * verified; from the first that fails on, the file is cut.
   *
   * @throws CAR_INVALID when the part does not say what it is for, RESOURCE_EXHAUSTED
   */
  static async resume(options: {
    readonly partPath: string
    readonly config: InboundConfig
  }): Promise<InboundCar> {
    const { partPath: path, config } = options
    const files = await openPart(path)
    try {
      const request = await readRequest(files, path)
      const recovered = await recoverPart(files, config)
      return new InboundCar({ path, request, files, recovered, config })
    } catch (error) {
      await closePart(files)
      rethrowExhaustion(error)
      throw error
    }
  }

  get state(): InboundState {
    return this.#state === 'open' && this.#writer.poisoned ? 'poisoned' : this.#state
  }

  /** Of the part, or of the CAR once it is sealed. */
  get path(): string {
    return this.#path
  }

  /** Unique multihashes, each of which has one section. */
  get blocks(): number {
    return this.#records.count
  }

  /** Of all blocks; CIDs and section lengths are not counted. */
  get bytes(): number {
    return this.#records.dataBytes
  }

  /**
   * Takes a block whose bytes the caller has verified, and returns the ordinal of its section.
   * When the multihash is here already nothing is written. Waits while too much is unwritten;
   * what was taken is readable at once, and survives this process once written.
   *
   * @throws CAR_LIMIT, RESOURCE_EXHAUSTED when the disk is full (nothing is lost: try again),
   * WRITER_POISONED, CLOSED, TypeError for an identity CID, which carries its block itself
   */
  async append({ cid, bytes }: Block): Promise<number> {
    this.#requireOpen()
    if (inlineBytes(cid) !== undefined) throw new TypeError(`identity CID ${cid} needs no section`)
    const head = this.#encodeHead(cid, bytes)
    let known = this.ordinalOf(cid)
    while (known === undefined && !this.#writer.fits(head.length + bytes.length)) {
      await this.#writer.writeSome()
      this.#requireOpen()
      known = this.ordinalOf(cid)
    }
    if (known !== undefined) return known
    this.#writer.accept(head, bytes)
    const ordinal = this.#records.add(cid.multihash, {
      headLength: head.length,
      dataLength: bytes.length,
      flags: flagsOf(cid),
      codec: cid.code
    })
    this.#writer.markInTime()
    return ordinal
  }

  /** Number of the section, from 0, that has this CID's multihash. */
  ordinalOf(cid: CID): number | undefined {
    return this.#records.find(cid.multihash)
  }

  /** @throws BLOCK_MISSING, BLOCK_MISMATCH when the file is damaged there, CLOSED */
  async get(cid: CID, { signal }: AbortOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted()
    const inline = inlineBytes(cid)
    if (inline !== undefined) return inline
    if (this.#state === 'closed') throw new ClosedError(this.#path)
    const { offset, headLength, dataLength } = this.#records.location(this.#require(cid))
    const bytes = new Uint8Array(dataLength)
    await this.#writer.read(bytes, offset + headLength)
    return verify(cid, bytes)
  }

  async has(cid: CID): Promise<boolean> {
    return inlineBytes(cid) !== undefined || this.ordinalOf(cid) !== undefined
  }

  /** @throws BLOCK_MISSING */
  async size(cid: CID): Promise<number> {
    return inlineBytes(cid)?.length ?? this.#records.location(this.#require(cid)).dataLength
  }

  /**
   * Everything taken so far is durable when this resolves.
   *
   * @throws RESOURCE_EXHAUSTED, WRITER_POISONED, CLOSED
   */
  async flush(): Promise<void> {
    this.#requireOpen()
    await this.#writer.mark()
  }

  /**
   * Makes it a CARv2 with an index, under its final name. Until it is closed it answers reads.
   * When the index cannot be written, or `signal` says stop before or while it is, the part is open
   * again; the index is not broken off in its middle.
   *
   * @throws CAR_LIMIT when the header of so many roots does not fit, RESOURCE_EXHAUSTED,
   * WRITER_POISONED, CLOSED, the reason of `signal`
   */
  async seal(options: SealOptions): Promise<SealedCar> {
    this.#requireOpen()
    this.#sealing = this.#seal(options)
    return this.#sealing
  }

  /** Marks what is there and closes; the part stays, to be resumed. @throws as `flush` */
  async suspend(): Promise<void> {
    this.#requireOpen()
    this.#state = 'closed'
    this.#ending = this.#markAndClose()
    return this.#ending
  }

  /** Closes and deletes the part. @throws CLOSED also when it is a CAR already */
  async discard(): Promise<void> {
    this.#requireOpen()
    this.#state = 'closed'
    this.#ending = this.#writer.close().then(async () => removePart(this.#path))
    return this.#ending
  }

  /**
   * Ends reads too. Waits for what is under way to end it; a part that is open is suspended. Closing
   * again does nothing. The file is let go of when this resolves.
   */
  async close(): Promise<void> {
    await Promise.allSettled([this.#sealing, this.#ending])
    if (this.#state === 'closed') return
    if (this.#state === 'open') return this.suspend()
    this.#state = 'closed'
    await this.#writer.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #markAndClose(): Promise<void> {
    try {
      await this.#writer.mark()
    } finally {
      await this.#writer.close()
    }
  }

  async #seal(options: SealOptions): Promise<SealedCar> {
    this.#state = 'sealing'
    try {
      const part = { request: this.#request, records: this.#records, writer: this.#writer }
      const sealed = await sealPart({ ...part, path: this.#path }, options)
      this.#state = 'sealed'
      this.#path = await finishPart(this.#path)
      return { ...sealed, path: this.#path }
    } finally {
      this.#reopenUnlessSealed()
    }
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw new ClosedError(`${this.#path} (for writing)`)
  }

  #reopenUnlessSealed(): void {
    if (this.#state === 'sealing') this.#state = 'open'
  }

  #require(cid: CID): number {
    const ordinal = this.ordinalOf(cid)
    if (ordinal === undefined) throw new BlockMissingError(cid)
    return ordinal
  }

  /** What stands before the block, when a reader's limits allow both. @throws CAR_LIMIT */
  #encodeHead(cid: CID, { length }: Uint8Array): Uint8Array {
    const { cidBytesMax } = carLimitDefaults
    const cidLength = cid.bytes.length
    const { sectionBytesMax } = this.#config
    const offset = sectionsStart + this.#records.end
    if (cidLength > cidBytesMax) throw new CarLimitError('CID', offset, cidLength, cidBytesMax)
    if (cidLength + length > sectionBytesMax) {
      throw new CarLimitError('section', offset, cidLength + length, sectionBytesMax)
    }
    return encodeSectionHead(cid, length)
  }
}
