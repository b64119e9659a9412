import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { lstat, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { writeWhole } from '../../src/cli/output-file.ts'
import { temporaryFolder } from '../cardock.ts'

describe('writeWhole', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>

  before(async () => {
    folder = await temporaryFolder()
  })

  after(() => folder[Symbol.asyncDispose]())

  async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield Buffer.from(text)
  }

  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half')
    throw new Error('the rest is gone')
  }

  it('takes the place of a file', async () => {
    const path = join(folder.path, 'file')
    await writeFile(path, 'before')
    await writeWhole(path, chunks('a', 'b'))
    assert.equal(await readFile(path, 'utf8'), 'ab')
  })

  it('leaves a file as it was when it fails, and nothing beside it', async () => {
    const home = join(folder.path, 'home')
    await mkdir(home)
    await writeFile(join(home, 'file'), 'before')
    await assert.rejects(writeWhole(join(home, 'file'), broken()), /the rest is gone/)
    assert.equal(await readFile(join(home, 'file'), 'utf8'), 'before')
    assert.deepEqual(await readdir(home), ['file'])
  })

  it('writes through a link, which stays one', async () => {
    const [link, target] = [join(folder.path, 'link'), join(folder.path, 'target')]
    await writeFile(target, 'before')
    await symlink(target, link)
    await writeWhole(link, chunks('after'))
    assert.ok((await lstat(link)).isSymbolicLink())
    assert.equal(await readFile(target, 'utf8'), 'after')
  })

  it('writes into a pipe, and does not replace it', async () => {
    const pipe = join(folder.path, 'pipe')
    execFileSync('sh', ['-c', 'mkfifo "$0"', pipe])
    const [read] = await Promise.all([readFile(pipe, 'utf8'), writeWhole(pipe, chunks('a', 'b'))])
    assert.equal(read, 'ab')
    assert.ok((await lstat(pipe)).isFIFO())
  })

  it('refuses a folder before it reads anything', async () => {
    const home = join(folder.path, 'folder')
    await mkdir(home)
    await assert.rejects(writeWhole(home, broken()), {
      code: 'USAGE_INVALID',
      message: /is a folder: choose another place with -o/
    })
    assert.deepEqual(await readdir(home), [])
  })
})
