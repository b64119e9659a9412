import { pino, stdSerializers } from 'pino'
import pretty from 'pino-pretty'
import { CardockError } from '../errors.ts'
import type { Log } from '../log.ts'

/**
 * What a peer says on stderr, for people. A `daemon` tells of what it does by itself; one `command`
 * reports its own failures, so that only errors are left to say. With `debug` everything, with stacks.
 */
export function createLog(options: {
  readonly of: 'daemon' | 'command'
  readonly debug: boolean
}): Log {
  const output = pretty({ destination: 2, sync: true, ignore: 'pid,hostname', singleLine: true })
  if (options.debug) return pino({ level: 'debug' }, output)
  const level = options.of === 'daemon' ? 'info' : 'error'
  return pino({ level, serializers: { err: briefly } }, output)
}

/** Our own errors say what happened in their message; any other is a bug, and wants its stack. */
function briefly(error: Error): object {
  if (!(error instanceof CardockError)) return stdSerializers.err(error)
  return { code: error.code, message: error.message }
}
