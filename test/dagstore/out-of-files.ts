/** Run with few file descriptors: uses them all up and says how a store takes it. */
import { closeSync, openSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Dagstore } from '../../src/dagstore/index.ts'
import { block, carBytes } from './repo.ts'

const dir = process.argv[2] ?? '.'
const shared = block('in both')
const names = ['a', 'lazy', 'late']
for (const name of names) await writeFile(join(dir, name), carBytes([shared, block(name)], []))

await using store = await Dagstore.open({ dir: join(dir, 'repo'), config: { openFilesMax: 1 } })
await store.register(join(dir, 'a'), { key: 'a' })
await store.register(join(dir, 'lazy'), { key: 'lazy', lazy: true })

const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // that was the last one
}
const read = await codeOf(store.get(shared.cid))
const acquire = await codeOf(store.acquire('lazy'))
const register = await codeOf(store.register(join(dir, 'late'), { key: 'late' }))
for (const fd of taken) closeSync(fd)

const states = store.list().shards.map(({ key, state }) => `${key} ${state}`)
const after = Buffer.from(await store.get(shared.cid)).toString()
process.stdout.write(JSON.stringify({ read, acquire, register, states, after }))

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code ?? String(error)
  )
}
