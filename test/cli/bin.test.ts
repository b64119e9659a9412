/** bin/cardock.js on Nodes that cannot run the rest: an old one is played by this one. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'

const realBin = join(import.meta.dirname, '..', '..', 'bin', 'cardock.js')

/** Only the first process of a chain takes itself for Node 18. */
const oldNode = `
if (process.env.PLAYED !== 'yes') Object.defineProperty(process, 'version', { value: 'v18.0.0' })
process.env.PLAYED = 'yes'
`

describe('bin/cardock.js on an old Node', () => {
  let folder: string
  let bin: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cardock-bin-'))
    const root = join(folder, 'node_modules', 'cardock')
    bin = join(root, 'bin', 'cardock.js')
    await mkdir(join(root, 'bin'), { recursive: true })
    await mkdir(join(root, 'dist', 'cli'), { recursive: true })
    await copyFile(realBin, bin)
    await writeFile(join(root, 'package.json'), '{ "type": "module", "version": "1.2.3" }')
    await writeFile(join(folder, 'old.cjs'), oldNode)
    await writeFile(join(root, 'dist', 'cli', 'main.js'), program)
  })

  after(() => rm(folder, { recursive: true }))

  describe('without a newer one beside it', () => {
    for (const command of ['version', '--version']) {
      it(`answers ${command}`, async () => {
        assert.deepEqual(await run(command), { code: 0, out: 'cardock version 1.2.3\n', err: '' })
      })
    }

    it('answers --help', async () => {
      const { code, out } = await run('--help')
      assert.equal(code, 0)
      assert.match(out, /^Usage: cardock <command>/)
    })

    it('says in one line what is needed', async () => {
      const { code, out, err } = await run('id')
      assert.deepEqual({ code, out }, { code: 1, out: '' })
      assert.match(err, /^Error: Cardock needs Node\.js 24 or newer, and this is v18\.0\.0\. .+\n$/)
    })
  })

  describe('with a newer one in the nearest node_modules', () => {
    before(async () => {
      const node = join(folder, 'node_modules', '.bin', 'node')
      await mkdir(join(folder, 'node_modules', '.bin'))
      await writeFile(node, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`)
      await chmod(node, 0o755)
    })

    it('runs on that one, with the same arguments, and passes the exit code through', async () => {
      const { code, out } = await run('exit', '7', 'a b')
      assert.deepEqual({ code, out }, { code: 7, out: '["exit","7","a b"]\n' })
    })

    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      it(`passes ${signal} on, once`, async () => {
        const child = start('wait')
        const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
        assert.equal((await lines.next()).value, '["wait"]')
        child.kill(signal)
        assert.equal((await lines.next()).value, signal)
        child.stdin!.end()
        const [code] = await once(child, 'close')
        assert.equal(code, 0)
        assert.equal((await lines.next()).done, true)
      })
    }

    it('ends by the signal that its child ended by', async () => {
      const child = start('die')
      const [code, signal] = await once(child, 'close')
      assert.deepEqual({ code, signal }, { code: null, signal: 'SIGKILL' })
    })
  })

  function start(...args: string[]): ChildProcess {
    return spawn(process.execPath, ['--require', join(folder, 'old.cjs'), bin, ...args])
  }

  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const child = start(...args)
    child.stdin!.end()
    const [out, err] = await Promise.all([text(child.stdout!), text(child.stderr!)])
    if (child.exitCode === null) await once(child, 'exit')
    return { code: child.exitCode ?? -1, out, err }
  }
})

/** Stands for the built program. */
const program = `
const args = process.argv.slice(2)
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => console.log(name))
console.log(JSON.stringify(args))
if (args[0] === 'exit') process.exitCode = Number(args[1])
if (args[0] === 'die') process.kill(process.pid, 'SIGKILL')
if (args[0] === 'wait') process.stdin.resume()
`
