/**
 * Fills and seals a part until it is killed. A line for each thing done: `kept <blocks>` at the
 * start, `flushed <blocks>` when that many are durable, `sealing`, `sealed`.
 */
import { Indexer } from '../../../src/dagstore/cix/indexer.ts'
import { resolveInbound } from '../../../src/dagstore/inbound/config.ts'
import { findParts } from '../../../src/dagstore/inbound/find-parts.ts'
import { InboundCar } from '../../../src/dagstore/inbound/inbound-car.ts'
import { variedBlock } from './sample-blocks.ts'

const [, , dir = '', count = ''] = process.argv
const config = resolveInbound({ markBytes: 200_000, markIntervalMs: 5, writeBytes: 32_768 })
const root = variedBlock(0).cid

const [part] = await findParts(dir)
const car =
  part?.state === 'open'
    ? await InboundCar.resume({ partPath: part.path, config })
    : await InboundCar.create({ dir, name: 'received', request: { root }, config })
say(`kept ${car.blocks}`)

for (let number = car.blocks; number < Number(count); number++) {
  await car.append(variedBlock(number))
  if (number % 100 !== 99) continue
  await car.flush()
  say(`flushed ${car.blocks}`)
}
say('sealing')
const indexer = new Indexer({ threads: 1 })
await car.seal({ roots: [root], indexer })
say('sealed')
await car.close()
await indexer.close()

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
