import { once } from 'node:events'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { CardockError, type ErrorCode } from '../../errors.ts'
import { RemoteError, RpcFailedError, RpcUnreachableError } from '../errors.ts'
import { formatAddress, parseAddress, type RpcAddress } from './address.ts'
import type { ErrorBody } from './error-body.ts'
import { multipartOf } from './multipart.ts'
import { jsonLines } from './ndjson.ts'
import { pathOf, type Call, type Caller, type Verb } from './verb.ts'

/** Calls the verbs of a daemon on this machine. */
export class RpcClient implements Caller {
  readonly #address: RpcAddress
  readonly #token: string

  /**
   * @param address multiaddr or http:// URL
   * @param token the text of the file `token` in the daemon's repo
   * @throws USAGE_INVALID when the address is neither
   */
  constructor(address: string, token: string) {
    this.#address = parseAddress(address)
    this.#token = token
  }

  /** @throws RPC_UNREACHABLE, RPC_FAILED, and what the verb throws in the daemon */
  async *call<Options extends object, Value>(
    verb: Verb<Options, Value>,
    call: Call<Options>
  ): AsyncGenerator<Value> {
    const request = this.#send(verb, call)
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      if (response.statusCode !== 200) throw await this.#refusal(response)
      const values = verb.output === 'bytes' ? response : jsonLines(response)
      yield* values as AsyncIterable<Value>
      throwLate(response)
    } catch (error) {
      call.signal.throwIfAborted()
      throw this.#explain(error)
    } finally {
      request.destroy()
    }
  }

  /** Nothing is kept open between calls. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #send<Options extends object>(
    verb: Verb<Options, unknown>,
    { args = [], options, files, signal }: Call<Options>
  ): ClientRequest {
    const upload = files === undefined ? undefined : multipartOf(files)
    const request = httpRequest({
      ...this.#address,
      method: 'POST',
      path: `${pathOf(verb)}?${queryText(args, options ?? {})}`,
      headers: {
        authorization: `Bearer ${this.#token}`,
        te: 'trailers',
        ...(upload && { 'content-type': upload.contentType })
      },
      agent: false,
      signal
    })
    if (upload === undefined) request.end()
    else feed(request, upload.chunks)
    return request
  }

  async #refusal(response: IncomingMessage): Promise<CardockError> {
    if (response.statusCode === 401) {
      const where = this.#where
      return new RpcFailedError(
        `the daemon at ${where} does not take the token of this repo: name its repo with --repo-dir`
      )
    }
    const body = (await json(response).catch(() => ({}))) as Partial<ErrorBody>
    if (body.Message === undefined) {
      return new RpcFailedError(
        `${this.#where} answers ${response.statusCode}: it is no Cardock RPC`
      )
    }
    return new RemoteError(codeOf(body.code), body.Message)
  }

  /** What the connection suffers, in words; every other error as it is. */
  #explain(error: unknown): unknown {
    if (!(error instanceof Error && 'code' in error)) return error
    if (error.code === 'ECONNREFUSED') return new RpcUnreachableError(this.#where, { cause: error })
    if (!brokenCodes.has(String(error.code))) return error
    return new RpcFailedError(`the daemon at ${this.#where} broke off: ${error.message}`, {
      cause: error
    })
  }

  get #where(): string {
    return formatAddress(this.#address)
  }
}

/** Of a connection that ended before its answer. */
const brokenCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'])

/** A source that fails fails the request; a request that is over ends its source. */
function feed(request: ClientRequest, chunks: AsyncIterable<Uint8Array>): void {
  const body = Readable.from(chunks)
  body.once('error', error => request.destroy(error))
  request.once('close', () => body.destroy())
  body.pipe(request)
}

function queryText(args: readonly string[], options: object): string {
  const query = new URLSearchParams()
  for (const arg of args) query.append('arg', arg)
  for (const [name, value] of Object.entries(options)) {
    for (const item of [value].flat()) if (item !== undefined) query.append(name, String(item))
  }
  return query.toString()
}

/** A failure after the first value stands in the trailers. */
function throwLate({ trailers }: IncomingMessage): void {
  const message = trailers['x-stream-error']
  if (message !== undefined) throw new RemoteError(codeOf(trailers['x-stream-error-code']), message)
}

/** The code is the daemon's word: one that a newer daemon knows is passed on as it is. */
function codeOf(text: string | undefined): ErrorCode {
  return text === undefined || text === '' ? 'RPC_FAILED' : (text as ErrorCode)
}
