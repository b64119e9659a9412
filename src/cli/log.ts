import { pino } from 'pino'
import pretty from 'pino-pretty'
import type { Log } from '../log.ts'

/** Warnings and errors on stderr, for people; with `debug` everything. */
export function createLog({ debug }: { readonly debug: boolean }): Log {
  const output = pretty({ destination: 2, sync: true, ignore: 'pid,hostname' })
  return pino({ level: debug ? 'debug' : 'warn' }, output)
}
