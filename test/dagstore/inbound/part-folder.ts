import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import { Indexer } from '../../../src/dagstore/cix/indexer.ts'
import { resolveInbound } from '../../../src/dagstore/inbound/config.ts'
import type { InboundConfig } from '../../../src/dagstore/inbound/config.ts'
import { InboundCar } from '../../../src/dagstore/inbound/inbound-car.ts'
import type { SealedCar } from '../../../src/dagstore/inbound/seal.ts'
import { sampleBlock } from './sample-blocks.ts'

/** What the part is for. */
export const root: CID = sampleBlock(0).cid

/** A folder of its own for a part called `one`, and what seals it. */
export class PartFolder implements AsyncDisposable {
  readonly dir: string
  readonly indexer: Indexer = new Indexer({ threads: 1 })

  private constructor(dir: string) {
    this.dir = dir
  }

  static async create(): Promise<PartFolder> {
    return new PartFolder(await mkdtemp(join(tmpdir(), 'cardock-inbound-')))
  }

  async start(options: Partial<InboundConfig> = {}): Promise<InboundCar> {
    const config = resolveInbound(options)
    return InboundCar.create({ dir: this.dir, name: 'one', request: { root }, config })
  }

  async resume(options: Partial<InboundConfig> = {}): Promise<InboundCar> {
    const config = resolveInbound(options)
    return InboundCar.resume({ partPath: join(this.dir, 'one.part'), config })
  }

  async seal(car: InboundCar, roots: readonly CID[] = [root]): Promise<SealedCar> {
    return car.seal({ roots, indexer: this.indexer })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.indexer.close()
    await rm(this.dir, { recursive: true })
  }
}
