import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CarBlockIterator } from '@ipld/car'
import { encodeHeader } from '../../../src/dagstore/car/header.ts'
import { resolveInbound } from '../../../src/dagstore/inbound/config.ts'
import { findParts } from '../../../src/dagstore/inbound/find-parts.ts'
import { InboundCar } from '../../../src/dagstore/inbound/inbound-car.ts'
import { variedBlock } from './sample-blocks.ts'

const child = fileURLToPath(new URL('./append-child.ts', import.meta.url))
const count = 1500
const config = resolveInbound()

describe('an inbound CAR whose process is killed', () => {
  it('keeps what was flushed and every whole section on disk, and is sealed in the end', async t => {
    const dir = await mkdtemp(join(tmpdir(), 'cardock-kill-'))
    try {
      let kills = 0
      for (;;) {
        const { flushed, done } = await runAndKill(dir, randomInt(1, 8))
        if (done) break
        kills += 1
        await assertKept(dir, flushed)
      }
      t.diagnostic(`killed ${kills} times`)
      await assertWhole(join(dir, 'received.car'))
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})

/** Kills the child when it has said so many lines. What is durable, and whether it came to its end. */
async function runAndKill(dir: string, lines: number): Promise<{ flushed: number; done: boolean }> {
  const running = spawn(process.execPath, [child, dir, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exit = once(running, 'exit')
  const said: string[] = []
  for await (const line of createInterface({ input: running.stdout })) {
    said.push(line)
    if (said.length === lines) running.kill('SIGKILL')
  }
  await exit
  const flushed = said.findLast(line => line.startsWith('flushed'))?.split(' ')[1]
  return { flushed: Number(flushed ?? 0), done: said.at(-1) === 'sealed' }
}

async function assertKept(dir: string, flushed: number): Promise<void> {
  const [part] = await findParts(dir)
  if (part?.state !== 'open') return assertWhole(join(dir, 'received.car'))
  const whole = await wholeSections(part.path)
  await using car = await InboundCar.resume({ partPath: part.path, config })
  assert.equal(car.blocks, whole)
  assert.ok(car.blocks >= flushed, `${flushed} blocks were flushed, ${car.blocks} are here`)
  for (let number = 0; number < car.blocks; number++) {
    assert.equal(car.ordinalOf(variedBlock(number).cid), number)
  }
  const last = variedBlock(car.blocks - 1)
  if (car.blocks > 0) assert.deepEqual(await car.get(last.cid), last.bytes)
}

/** Sections of the file as another reader finds them; all that can stand after them is an index. */
async function wholeSections(path: string): Promise<number> {
  const sections = (await readFile(path)).subarray(4096)
  const reader = await CarBlockIterator.fromBytes(Buffer.concat([encodeHeader([]), sections]))
  let whole = 0
  try {
    for await (const { cid } of reader) {
      if (!Buffer.from(cid.bytes).equals(variedBlock(whole).cid.bytes)) break
      whole += 1
    }
  } catch {
    // torn after the last whole one
  }
  return whole
}

async function assertWhole(path: string): Promise<void> {
  const reader = await CarBlockIterator.fromBytes(await readFile(path))
  let number = 0
  for await (const { cid, bytes } of reader) {
    const expected = variedBlock(number++)
    assert.equal(cid.toString(), expected.cid.toString())
    assert.equal(Buffer.compare(bytes, expected.bytes), 0)
  }
  assert.equal(number, count)
}
