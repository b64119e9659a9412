import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { resolveInbound } from '../../../src/dagstore/inbound/config.ts'
import { WriteBehind } from '../../../src/dagstore/inbound/write-behind.ts'

describe('write-behind', () => {
  let dir: string
  let files = 0

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-write-'))
  })
  after(async () => rm(dir, { recursive: true }))

  async function fresh(): Promise<{ path: string; handle: FileHandle }> {
    const path = join(dir, `file-${files++}`)
    return { path, handle: await open(path, 'wx+') }
  }

  it('writes what it accepted, in order, and reads any stretch of it at any time', async () => {
    const piece = fc.record({
      length: fc.integer({ min: 0, max: 90 }),
      wait: fc.boolean(),
      from: fc.double({ min: 0, max: 1, noNaN: true })
    })
    const config = resolveInbound({ writeBytes: 32, unwrittenBytesMax: 1024 })
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async pieces => {
        const { path, handle } = await fresh()
        await using file = handle
        const writer = new WriteBehind(file, 0, config)
        let expected = Buffer.alloc(0)
        for (const { length, wait, from } of pieces) {
          const bytes = Buffer.alloc(length, expected.length)
          writer.accept(bytes)
          bytes.fill(0xff) // the caller may do what it likes with them from now on
          expected = Buffer.concat([expected, Buffer.alloc(length, expected.length)])
          if (wait) await writer.writeSome()
          const start = Math.floor(from * expected.length)
          const target = Buffer.alloc(expected.length - start)
          await writer.read(target, start)
          assert.deepEqual(target, expected.subarray(start))
        }
        await writer.writeUntil(expected.length)
        assert.deepEqual(await readFile(path), expected)
      }),
      { numRuns: 60 }
    )
  })

  it('goes on at the position that it was given', async () => {
    const { path, handle } = await fresh()
    await using file = handle
    await file.write('kept')
    const writer = new WriteBehind(file, 4, resolveInbound())
    writer.accept(Buffer.from(' and more'))
    await writer.writeUntil(13)
    assert.equal(await readFile(path, 'utf8'), 'kept and more')
  })

  it('has room up to the bound and not one byte past it', async () => {
    const { handle } = await fresh()
    await using file = handle
    const writer = new WriteBehind(file, 0, resolveInbound({ unwrittenBytesMax: 100 }))
    assert.ok(writer.fits(5_000), 'a single piece of any size fits when nothing waits')
    writer.accept(new Uint8Array(60))
    assert.equal(writer.fits(40), true)
    assert.equal(writer.fits(41), false)
    await writer.writeSome()
    assert.equal(writer.fits(5_000), true)
  })

  it('writes without anybody waiting for it', async () => {
    const { path, handle } = await fresh()
    await using file = handle
    const writer = new WriteBehind(file, 0, resolveInbound())
    writer.accept(Buffer.from('on its own'))
    while ((await readFile(path)).length === 0);
    assert.equal(await readFile(path, 'utf8'), 'on its own')
  })

  it('keeps bytes whose write failed: they stay readable, and the next wait tries again', async () => {
    const { path, handle } = await fresh()
    await handle.close()
    await using readOnly = await open(path, 'r')
    const writer = new WriteBehind(readOnly, 0, resolveInbound())
    writer.accept(Buffer.from('still here'))
    await assert.rejects(writer.writeUntil(10), { code: 'EBADF' })
    await assert.rejects(writer.writeUntil(10), { code: 'EBADF' })
    const target = Buffer.alloc(10)
    await writer.read(target, 0)
    assert.equal(target.toString(), 'still here')
    assert.equal(writer.fits(1), true)
  })
})
