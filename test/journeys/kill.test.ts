/** kill -9 in the middle of a fetch: what is on disk stays, the rest alone is asked for. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { readCar } from '../blocks.ts'
import { Daemon, spawnCardock, temporaryFolder } from '../cardock.ts'
import { makeFileCar, type MadeCar } from '../dags.ts'

const runs = 10

describe('a fetch of 256 MiB that is killed once at a random point', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let a: Daemon
  let made: MadeCar

  before(async () => {
    folder = await temporaryFolder()
    const path = join(folder.path, 'large.car')
    made = await makeFileCar({ path, bytes: 256 << 20, leafBytes: 262_144, seed: 5 })
    a = await Daemon.start(join(folder.path, 'a'), '--car', path)
  })

  after(async () => {
    await a?.[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  for (let run = 1; run <= runs; run++) {
    it(`loses nothing and asks only for the rest, run ${run} of ${runs}`, async t => {
      await using here = await temporaryFolder()
      const repo = join(here.path, 'b')
      const sentBefore = await blockBytesSent(a)
      const killAt = Math.floor(Math.random() * made.bytes)

      const killed = await Daemon.start(repo, '--bootstrap', a.address)
      await killAfter(killed, made.root.toString(), killAt)

      await using b = await Daemon.start(repo, '--bootstrap', a.address)
      const lines = (await b.succeed('fetch', made.root.toString(), '--json')).trim().split('\n')
      const report = JSON.parse(lines.at(-1) ?? '{}')
      assert.equal(report.blocks, made.blocks)
      const sent = (await blockBytesSent(a)) - sentBefore
      t.diagnostic(
        `killed after ${killAt} bytes, ${report.reusedBlocks} blocks kept, sent ${(sent / made.bytes).toFixed(3)} x the DAG`
      )
      assert.ok(sent <= 1.05 * made.bytes, `${sent} bytes sent for ${made.bytes}`)

      const [sealed = ''] = await readdir(join(repo, 'cars'))
      const [ours, theirs] = [await readCar(join(repo, 'cars', sealed)), await readCar(made.path)]
      assert.deepEqual(ours.blocks, theirs.blocks)
    })
  }
})

async function blockBytesSent(daemon: Daemon): Promise<number> {
  const stats = JSON.parse(await daemon.succeed('stats', 'bitswap', '--json'))
  return Number(stats.DataSent)
}

/** kill -9 of the daemon once its fetch has received `bytes`. */
async function killAfter(daemon: Daemon, root: string, bytes: number): Promise<void> {
  const fetching = spawnCardock('--repo-dir', daemon.repo, 'fetch', root, '--json')
  fetching.stderr.resume()
  const ended = once(fetching, 'close')
  for await (const line of createInterface({ input: fetching.stdout })) {
    if (JSON.parse(line).bytes >= bytes) break
  }
  await daemon.end('SIGKILL')
  fetching.stdout.resume()
  await ended
}
