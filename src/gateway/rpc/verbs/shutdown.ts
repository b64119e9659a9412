import { UsageInvalidError } from '../../errors.ts'
import type { NoOptions, Verb } from '../verb.ts'
import { noArgs } from './options.ts'

/** Answers, then the daemon ends. */
export const shutdownVerb: Verb<NoOptions, never> = {
  path: 'shutdown',
  route: 'kubo',
  output: 'values',
  args: noArgs,
  options: {},
  async *run({ daemon }) {
    if (daemon === undefined) throw new UsageInvalidError('no daemon runs on this repo')
    daemon.shutdown()
    yield* []
  }
}
