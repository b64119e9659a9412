import assert from 'node:assert/strict'
import { mkdir, mkdtemp, open, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { FileMount } from '../../../src/dagstore/mounts/file-mount.ts'

describe('FileMount', () => {
  let dir = ''
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cardock-mount-'))
  })
  after(async () => rm(dir, { recursive: true }))

  const names = [
    'a b.car',
    '100%.car',
    '%41.car',
    'a#b.car',
    'a?b=c.car',
    '[x].car',
    'ünï—世界.car',
    'a\\b.car',
    'quote\'".car',
    'tab\there.car',
    'line\nfeed.car',
    'c:drive.car'
  ]
  for (const name of names) {
    it(`T-111 round-trips the path ${JSON.stringify(name)}`, async () => {
      const path = join(dir, name)
      await writeFile(path, name)
      const mount = FileMount.fromPath(path)
      const again = FileMount.fromUrl(mount.url)
      assert.equal(again.path, path)
      assert.equal(again.url, mount.url)
      assert.deepEqual(await again.inspect(), await mount.inspect())
    })
  }

  it('T-111 makes a relative path absolute', () => {
    assert.equal(FileMount.fromPath('x y.car').path, join(process.cwd(), 'x y.car'))
  })

  for (const url of ['http://example.com/a.car', 'file://elsewhere/a.car', 'not a url']) {
    it(`refuses the URL ${url}`, () => {
      assert.throws(() => FileMount.fromUrl(url), { code: 'MOUNT_UNSUPPORTED' })
    })
  }

  async function made(name: string, bytes: Buffer): Promise<FileMount> {
    const path = join(dir, name)
    await writeFile(path, bytes)
    return FileMount.fromPath(path)
  }

  it('finds an untouched file the same', async () => {
    const mount = await made('same', Buffer.alloc(200_000, 1))
    assert.deepEqual(await mount.check(await mount.inspect()), { type: 'same' })
  })

  it('finds a file that only has another time or inode touched', async () => {
    const mount = await made('touched', Buffer.alloc(200_000, 1))
    const facts = await mount.inspect()
    await utimes(mount.path, 1, 1)
    assert.equal((await mount.check(facts)).type, 'touched')
    await writeFile(`${mount.path}.copy`, Buffer.alloc(200_000, 1))
    await rename(`${mount.path}.copy`, mount.path)
    assert.equal((await mount.check(facts)).type, 'touched')
  })

  for (const { name, position } of [
    { name: 'beginning', position: 0 },
    { name: 'end', position: 199_999 }
  ]) {
    it(`finds a file changed that has other bytes at its ${name}`, async () => {
      const mount = await made(`edited ${name}`, Buffer.alloc(200_000, 1))
      const facts = await mount.inspect()
      await using file = await open(mount.path, 'r+')
      await file.write(Buffer.from([2]), 0, 1, position)
      assert.deepEqual(await mount.check(facts), {
        type: 'changed',
        what: `other bytes at its ${name}`
      })
    })
  }

  it('finds a file of another size changed', async () => {
    const mount = await made('grown', Buffer.alloc(10))
    const facts = await mount.inspect()
    await writeFile(mount.path, Buffer.alloc(11))
    assert.deepEqual(await mount.check(facts), { type: 'changed', what: '11 bytes, was 10' })
  })

  it('finds a file missing', async () => {
    const mount = await made('gone', Buffer.alloc(10))
    const facts = await mount.inspect()
    await rm(mount.path)
    assert.equal((await mount.check(facts)).type, 'missing')
    await assert.rejects(mount.inspect(), { code: 'MOUNT_UNAVAILABLE' })
  })

  it('refuses a folder', async () => {
    const path = join(dir, 'folder.car')
    await mkdir(path)
    await assert.rejects(FileMount.fromPath(path).inspect(), { code: 'MOUNT_UNAVAILABLE' })
  })
})
