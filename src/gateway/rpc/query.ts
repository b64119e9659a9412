import type { FastifyRequest } from 'fastify'
import { parseDuration } from '../../duration.ts'
import { LimitExceededError } from '../../errors.ts'
import { TimeoutError, UsageInvalidError } from '../errors.ts'
import { noFiles, type AnyVerb, type InputFile, type VerbInput } from './verb.ts'

/** Past this, a timer of Node's fires at once. */
const timerMsMax = 2 ** 31 - 1

/** A checked query as the input of its verb. */
interface ParsedCall {
  readonly input: Omit<VerbInput<never>, 'signal'>
  readonly timeout: AbortSignal | undefined
}

/** @throws USAGE_INVALID when `timeout` is no duration, or there are files that nobody reads */
export function callOf(verb: AnyVerb, request: FastifyRequest): ParsedCall {
  if (request.isMultipart() && verb.body === undefined) {
    throw new UsageInvalidError(`${verb.path} takes no files`)
  }
  const { arg = [], timeout, ...options } = request.query as Query
  return {
    input: { args: arg, options: options as never, files: filesOf(request) },
    timeout: timeout === undefined ? undefined : timeoutSignal(timeout)
  }
}

interface Query {
  readonly arg?: string[]
  readonly timeout?: string
}

/**
 * Aborts with a typed reason once the time is over.
 *
 * @throws USAGE_INVALID when `text` is no duration
 */
export function timeoutSignal(text: string): AbortSignal {
  const ms = parseDuration(text)
  if (ms === undefined) throw new UsageInvalidError(`${text} is not a time such as 30s or 1h30m`)
  const over = new AbortController()
  setTimeout(() => over.abort(new TimeoutError(text)), Math.min(ms, timerMsMax)).unref()
  return over.signal
}

async function* filesOf(request: FastifyRequest): AsyncGenerator<InputFile> {
  if (!request.isMultipart()) return yield* noFiles()
  for await (const { filename, file } of request.files()) {
    yield { name: filename, content: whole(file) }
  }
}

/** The bytes of an upload; one that was cut at the limit is an error, not a shorter file. */
async function* whole(
  file: AsyncIterable<Uint8Array> & { readonly truncated: boolean; readonly bytesRead: number }
): AsyncGenerator<Uint8Array> {
  yield* file
  if (file.truncated) throw new LimitExceededError('upload', file.bytesRead, 'uploadBytesMax')
}
