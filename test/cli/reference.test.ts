import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { referencePath, renderReference } from './reference.ts'

describe('docs/cli.md', () => {
  it('is what `node test/cli/reference.ts` writes', async () => {
    assert.equal(await readFile(referencePath, 'utf8'), renderReference())
  })
})
