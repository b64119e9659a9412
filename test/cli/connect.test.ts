/** Whether a command talks to a daemon: what is left of one that was killed does not count. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { succeed, temporaryFolder } from '../cardock.ts'

describe('a command whose daemon was killed', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>

  before(async () => {
    folder = await temporaryFolder()
    await succeed('--repo-dir', folder.path, 'init', '--profile', 'test')
  })

  after(() => folder[Symbol.asyncDispose]())

  async function listWith(port: number): Promise<string> {
    await writeFile(join(folder.path, 'api'), `/ip4/127.0.0.1/tcp/${port}\n`)
    return succeed('--repo-dir', folder.path, 'dagstore', 'list-shards')
  }

  it('looks past the address that is left of it', async () => {
    assert.equal(await listWith(1), '')
  })

  it('does not wait for something that has its port now, and says nothing', async () => {
    await using silent = createServer(socket => void socket.resume())
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    assert.equal(await listWith((silent.address() as AddressInfo).port), '')
  })
})
