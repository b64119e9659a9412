import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { anySignal } from '../../abort.ts'
import type { Log } from '../../log.ts'
import { errorBody } from './error-body.ts'
import { callOf } from './query.ts'
import type { AnyVerb, VerbContext } from './verb.ts'

interface Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly log: Log
  /** Aborts when the server has no more time for answers. */
  readonly closing: AbortSignal
}

/**
 * Runs a verb and writes what it yields at the pace of the reader. As long as nothing is written, a
 * failure is thrown and becomes an error answer; later it ends the response in a way that no client
 * can take for the whole.
 */
export async function answer(
  verb: AnyVerb,
  context: VerbContext,
  { request, reply, log, closing }: Exchange
): Promise<void> {
  const { input, timeout } = callOf(verb, request)
  const signal = anySignal(closing, gone(reply.raw), timeout)
  const values = verb.run(context, { ...input, signal })[Symbol.asyncIterator]()
  const first = await values.next()

  reply.hijack()
  reply.raw.writeHead(200, headersOf(verb))
  reply.raw.flushHeaders()
  try {
    await writeAll(values, first, reply.raw, signal)
  } catch (error) {
    const reason: unknown = signal.aborted ? signal.reason : error
    log.debug({ verb: verb.path, error: reason }, 'call broke off')
    breakOff(reply.raw, reason, request.headers.te)
  }
}

/** Aborts when the client goes before it has everything. */
function gone(response: ServerResponse): AbortSignal {
  const left = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) left.abort(new Error('the client went away'))
  })
  return left.signal
}

function headersOf(verb: AnyVerb): Record<string, string> {
  const bytes = verb.output === 'bytes'
  return {
    'Content-Type': bytes ? 'application/octet-stream' : 'application/json',
    [bytes ? 'X-Stream-Output' : 'X-Chunked-Output']: '1',
    'X-Content-Type-Options': 'nosniff',
    Trailer: 'X-Stream-Error, X-Stream-Error-Code'
  }
}

async function writeAll(
  values: AsyncIterator<unknown>,
  first: IteratorResult<unknown>,
  response: ServerResponse,
  signal: AbortSignal
): Promise<void> {
  try {
    for (let next = first; next.done !== true; next = await values.next()) {
      if (!response.write(encode(next.value))) await once(response, 'drain', { signal })
    }
    response.end()
  } finally {
    await values.return?.()
  }
}

function encode(value: unknown): Uint8Array | string {
  return value instanceof Uint8Array ? value : `${JSON.stringify(value)}\n`
}

/**
 * A client that said `TE: trailers` looks at them, so its response ends in order. To every other one
 * the last chunk and the trailers go without the empty line that ends a message, and then the
 * connection goes down: what it has is visibly cut.
 */
function breakOff(
  response: ServerResponse,
  error: unknown,
  te: string | string[] | undefined
): void {
  const { Message, code } = errorBody(error)
  const fields = { 'X-Stream-Error': headerText(Message), 'X-Stream-Error-Code': code ?? '' }
  if (te === 'trailers') {
    response.addTrailers(fields)
    response.end()
    return
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  response.socket?.end(`0\r\n${lines.join('')}`)
}

/** What a header may hold: printable ASCII, on one line. */
function headerText(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[^ -~]/g, '?')
}
