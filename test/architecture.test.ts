/**
 * The rules that hold the rooms apart. Sees `from '...'` and `import('...')`; a check that looked at
 * nothing fails.
 */
import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { describe, it } from 'node:test'

/** Folder of src -> folders it may import. '.' is the vocabulary: the files directly in src. */
const layers: Record<string, readonly string[]> = {
  '.': [],
  codecs: ['.'],
  dagstore: ['.', 'codecs'],
  exchange: ['.', 'codecs'],
  discovery: ['.', 'codecs'],
  node: ['.', 'codecs', 'dagstore', 'exchange', 'discovery'],
  gateway: ['.', 'node'],
  cli: ['.', 'node', 'gateway']
}

describe('architecture', () => {
  it('lets imports follow the layers and enter a room by its index', async () => {
    const broken: string[] = []
    let seen = 0
    for await (const { file, text } of sources()) {
      for (const [, specifier = ''] of text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)) {
        const target = join(dirname(file), specifier)
        const [from, to] = [roomOf(file), roomOf(target)]
        const door = to === '.' || target === join('src', to, 'index.ts')
        const legal = from === to || (layers[from]?.includes(to) === true && door)
        if (!legal) broken.push(`${file} imports ${specifier}`)
        seen += 1
      }
    }
    assert.ok(seen > 0, 'no imports seen: this test is not looking at the code')
    assert.deepEqual(broken, [])
  })

  it('leaves libp2p streams to the one send and the one receive', async () => {
    const owner = join('src', 'exchange', 'stream.ts')
    const touching = await filesWith(
      /\bstream\.(send|onDrain|pause|resume)\(|EventListener\('message'/
    )
    assert.deepEqual(touching, [owner])
  })

  it('reads the environment and the arguments in two places only', async () => {
    const allowed = new Set([join('src', 'cli', 'main.ts'), join('src', 'node', 'repo.ts')])
    const reading = await filesWith(/process\.(env|argv)\b/)
    assert.ok(
      reading.length > 0,
      'nobody reads the arguments: this test is not looking at the code'
    )
    assert.deepEqual(
      reading.filter(file => !allowed.has(file)),
      []
    )
  })

  it('keeps the hash check in one function', async () => {
    // Helia computes the CID of what it receives; what it hands over passes `verify` like the rest.
    const helia = join('src', 'exchange', 'bitswap', 'helia-engine.ts')
    const hashing = await filesWith(/from '[./]+\/hash\.ts'/)
    assert.deepEqual(hashing, [join('src', 'block.ts'), helia])
  })
})

async function filesWith(pattern: RegExp): Promise<string[]> {
  const found: string[] = []
  for await (const { file, text } of sources()) if (pattern.test(text)) found.push(file)
  return found.sort()
}

async function* sources(): AsyncGenerator<{ file: string; text: string }> {
  for await (const file of glob('src/**/*.ts')) yield { file, text: await readFile(file, 'utf8') }
}

function roomOf(file: string): string {
  const [room = '.', ...rest] = relative('src', file).split(sep)
  return rest.length === 0 ? '.' : room
}
