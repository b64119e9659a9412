/** Every command of the README's tour runs here, in a folder like a clone, and says what it shows. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { succeed, temporaryFolder } from './cardock.ts'

interface Step {
  readonly command: string
  /** Lines that follow it on the page; … stands for anything. */
  readonly shows: readonly string[]
}

describe('README', () => {
  it('has a tour whose every command does what the page shows', async t => {
    await using folder = await temporaryFolder()
    for (const name of ['bin', 'examples', 'node_modules', 'package.json', 'src']) {
      await symlink(resolve(name), join(folder.path, name))
    }
    const repo = join(folder.path, 'first')
    await succeed('--repo-dir', repo, 'init', '--profile', 'test')
    const env = { ...process.env, CARDOCK_PATH: repo, PATH: pathWithNode() }
    const daemon = spawn('npm', ['start'], {
      cwd: folder.path,
      env,
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const ended = once(daemon, 'close')
    const ready = Promise.withResolvers<void>()
    createInterface({ input: daemon.stdout }).on('line', line => {
      if (line === 'Daemon is ready') ready.resolve()
    })
    daemon.once('close', () => ready.reject(new Error('npm start ended before it was ready')))
    t.after(() => daemon.kill('SIGKILL'))
    await ready.promise

    const steps = await readTour()
    assert.ok(steps.length >= 8, 'the tour was found')
    for (const { command, shows } of steps) {
      const { stdout } = await promisify(execFile)('bash', ['-c', command], {
        cwd: folder.path,
        env
      })
      assert.match(stdout, patternOf(shows), `${command} printed:\n${stdout}`)
    }
    await ended
  })

  it('has an example of the library that runs', async () => {
    const page = await readFile('README.md', 'utf8')
    const [, example = ''] = /^```ts\n(.*?)^```$/ms.exec(page) ?? []
    const door = pathToFileURL(resolve('src', 'node', 'index.ts')).href
    const text = example.replace("from 'cardock'", `from '${door}'`)
    assert.notEqual(text, example)
    await using folder = await temporaryFolder()
    await symlink(resolve('examples'), join(folder.path, 'examples'))
    await writeFile(join(folder.path, 'example.mts'), text)
    const run = promisify(execFile)(process.execPath, ['example.mts'], { cwd: folder.path })
    assert.match((await run).stdout, /^8 blocks, served from now on as shard bafy/)
  })
})

async function readTour(): Promise<Step[]> {
  const page = await readFile('README.md', 'utf8')
  const blocks = page.matchAll(/^```console\n(.*?)^```$/gms)
  return [...blocks].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map(text => {
        const [command = '', ...shows] = text.trimEnd().split('\n')
        return { command, shows }
      })
  )
}

function patternOf(shows: readonly string[]): RegExp {
  const escaped = shows.map(line => {
    const pieces = line
      .trim()
      .split('…')
      .map(piece => RegExp.escape(piece))
    return pieces.map(piece => piece.replaceAll(/(\\x20| )+/g, '\\s+')).join('[^]*')
  })
  return new RegExp(`^\\s*${escaped.join('\\s+')}\\s*$`)
}

/** npm is where the host has it; the Node that runs this test goes first. */
function pathWithNode(): string {
  return [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
}
