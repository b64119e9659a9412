/**
 * Registers, receives and destroys shards without end, several at a time, and says on stdout what it
 * begins and what is durable. To be killed.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Dagstore } from '../../src/dagstore/index.ts'
import { blocks, carBytes } from './repo.ts'

const [, , dir = '.', round = '0'] = process.argv
const store = await Dagstore.open({
  dir: join(dir, 'repo'),
  config: { lookup: { tableKeysMax: 20 }, inbound: { markBytes: 100 } }
})
await Promise.all(['a', 'b', 'c', 'd'].map(work))

async function work(worker: string): Promise<never> {
  for (let at = 0; ; at++) {
    const name = `${round}-${worker}-${at}`
    const key = await (at % 2 === 0 ? register(name) : receive(name))
    say(`has ${name}`)
    if (at % 3 !== 0) continue
    say(`destroying ${name}`)
    await store.destroy(key)
    say(`destroyed ${name}`)
  }
}

async function register(name: string): Promise<string> {
  const path = join(dir, `${name}.car`)
  const made = blocks(name, 5)
  await writeFile(path, carBytes(made, [made[0]!.cid]))
  say(`wrote ${name}`)
  return (await store.register(path)).key
}

async function receive(name: string): Promise<string> {
  const made = blocks(name, 5)
  const root = made[0]!.cid
  const car = await store.inbound(root)
  for (const each of made) await car.append(each)
  return (await store.adopt(car, { roots: [root] })).key
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
