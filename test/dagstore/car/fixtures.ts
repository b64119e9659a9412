import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const fixtures: string = join(import.meta.dirname, '../../../../shared/fixtures')

/** For node:test: false, or why the tests that read `fixtures` are left out. */
export const skip: string | false = existsSync(fixtures)
  ? false
  : `no files of other implementations at ${fixtures}`
