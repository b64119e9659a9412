import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { FileHandles } from '../../src/dagstore/handles.ts'

describe('FileHandles', () => {
  let dir = ''
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-handles-'))
    for (let at = 0; at < 10; at++) await writeFile(join(dir, `${at}`), `file ${at}`)
  })
  after(async () => rm(dir, { recursive: true }))

  async function read(handles: FileHandles, name: string): Promise<string> {
    return handles.use(join(dir, name), async handle => {
      const bytes = Buffer.alloc(64)
      const { bytesRead } = await handle.read(bytes, 0, 64, 0)
      return bytes.toString('utf8', 0, bytesRead)
    })
  }

  it('opens a file once for many readers at a time', async () => {
    const handles = new FileHandles({ max: 4 })
    const texts = await Promise.all(Array.from({ length: 50 }, async () => read(handles, '3')))
    assert.deepEqual([...new Set(texts)], ['file 3'])
    assert.equal(handles.open, 1)
    await handles.close()
    assert.equal(handles.open, 0)
  })

  it('keeps to its budget and serves who has to wait', async () => {
    const handles = new FileHandles({ max: 2 })
    let most = 0
    const texts = await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const text = await read(handles, `${at % 10}`)
        most = Math.max(most, handles.open)
        return text
      })
    )
    assert.deepEqual(
      texts,
      Array.from({ length: 60 }, (_, at) => `file ${at % 10}`)
    )
    assert.ok(most <= 2, `${most} files were open`)
    await handles.close()
  })

  it('works with a budget of one', async () => {
    const handles = new FileHandles({ max: 1 })
    const texts = await Promise.all(['1', '2', '1'].map(async name => read(handles, name)))
    assert.deepEqual(texts, ['file 1', 'file 2', 'file 1'])
    await handles.close()
  })

  it('gives the place back when a file is not there', async () => {
    const handles = new FileHandles({ max: 1 })
    await assert.rejects(read(handles, 'none'), { code: 'ENOENT' })
    assert.equal(handles.open, 0)
    assert.equal(await read(handles, '1'), 'file 1')
    await handles.close()
  })

  it('opens a forgotten file anew', async () => {
    const handles = new FileHandles({ max: 2 })
    const path = join(dir, 'replaced')
    await writeFile(path, 'old')
    assert.equal(await read(handles, 'replaced'), 'old')
    await writeFile(`${path}.new`, 'new')
    await rename(`${path}.new`, path)
    assert.equal(await read(handles, 'replaced'), 'old')
    await handles.forget(path)
    assert.equal(await read(handles, 'replaced'), 'new')
    await handles.close()
  })

  it('lets a reader finish on a file that is forgotten under it', async () => {
    const handles = new FileHandles({ max: 2 })
    const path = join(dir, '5')
    const text = await handles.use(path, async handle => {
      await handles.forget(path)
      return handle.readFile('utf8')
    })
    assert.equal(text, 'file 5')
    assert.equal(handles.open, 0)
  })

  it('refuses readers once it is closed', async () => {
    const handles = new FileHandles({ max: 2 })
    await handles.close()
    await assert.rejects(read(handles, '1'), { code: 'CLOSED' })
  })
})
