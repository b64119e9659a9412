import type { FastifyError, FastifyInstance } from 'fastify'
import { withDefaults } from '../../defaults.ts'
import { ClosedError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Peer } from '../../node/index.ts'
import { RpcListenError, UsageInvalidError } from '../errors.ts'
import { formatAddress, isLoopback, parseAddress, type RpcAddress } from './address.ts'
import { answer } from './answer.ts'
import { defaults, type RpcConfig } from './config.ts'
import { errorBody } from './error-body.ts'
import { refusalOf } from './guard.ts'
import { queryError, schemaOf } from './schema.ts'
import { pathOf, type AnyVerb, type VerbContext } from './verb.ts'

export interface RpcOptions {
  /** What it answers to. */
  readonly verbs: readonly AnyVerb[]
  readonly peer: Peer
  /** Multiaddr on loopback; port 0 takes a free one. */
  readonly address: string
  /** What a client proves itself with. */
  readonly token: string
  readonly log: Log
  /** Called by the verb `shutdown`: begins a graceful end and returns. */
  readonly onShutdown: () => void
  readonly config?: Partial<RpcConfig>
}

/** A listening RPC. Who started it closes it. */
export interface RpcServer {
  /** Multiaddr with the port that was taken. */
  readonly address: string
  /** Takes no new call, waits a moment for those under way, then ends them. */
  close(): Promise<void>
}

/**
 * kubo's RPC over a peer: `POST /api/v0/<verb>?arg=`, and `/cardock/v0/<verb>` for what kubo lacks.
 *
 * @throws USAGE_INVALID when the address is not on loopback, LISTEN_FAILED when it is taken
 * https://docs.ipfs.tech/reference/kubo/rpc/
 */
export async function startRpc(options: RpcOptions): Promise<RpcServer> {
  const { host, port } = parseAddress(options.address)
  if (!isLoopback(host)) {
    throw new UsageInvalidError(
      `${options.address} is not on loopback: the RPC listens nowhere else`
    )
  }
  const { peer, token, log, onShutdown } = options
  const config = withDefaults(defaults, options.config ?? {})
  const closing = new AbortController()
  const server = await createServer(config, token)
  addVerbs(server, options.verbs, {
    context: { peer, daemon: { shutdown: onShutdown } },
    log,
    closing: closing.signal
  })
  const address = await listen(server, { host, port })

  return {
    address,
    async close() {
      const { closeTimeoutMs } = config
      const breakOff = setTimeout(
        () => closing.abort(new ClosedError('the daemon')),
        closeTimeoutMs
      )
      // A client that reads nothing does not even take that its answer was broken off.
      const cut = setTimeout(() => server.server.closeAllConnections(), closeTimeoutMs * 2)
      await server.close()
      clearTimeout(breakOff)
      clearTimeout(cut)
    }
  }
}

/** Where it listens then. @throws LISTEN_FAILED */
async function listen(server: FastifyInstance, { host, port }: RpcAddress): Promise<string> {
  try {
    const url = URL.parse(await server.listen({ host, port }))
    return formatAddress({ host, port: Number(url?.port) })
  } catch (cause) {
    await server.close()
    throw new RpcListenError(formatAddress({ host, port }), cause)
  }
}

/** Refuses before it looks at the verb, and says every no in kubo's shape. */
async function createServer(config: RpcConfig, token: string): Promise<FastifyInstance> {
  // Loaded here: a client has no use for a server.
  const [{ fastify }, { default: multipart }] = await Promise.all([
    import('fastify'),
    import('@fastify/multipart')
  ])
  const server = fastify({
    bodyLimit: config.bodyBytesMax,
    schemaErrorFormatter: queryError,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array' } }
  })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null))
  await server.register(multipart, {
    limits: { fileSize: config.uploadBytesMax, files: config.uploadFilesMax, fields: 0 }
  })

  server.addHook('onRequest', async (request, reply) => {
    const refusal = refusalOf(request, token)
    if (refusal === undefined) return
    const { status, reason, headers } = refusal
    return reply
      .code(status)
      .headers(headers)
      .send(errorBody(new UsageInvalidError(reason), true))
  })
  server.setNotFoundHandler(async (request, reply) => {
    const error = new UsageInvalidError(`${request.url.split('?')[0]} is no verb of this RPC`)
    return reply.code(404).send(errorBody(error, true))
  })
  server.setErrorHandler<FastifyError>(async (error, _request, reply) => {
    const status = error.statusCode ?? (error.code === 'USAGE_INVALID' ? 400 : 500)
    return reply.code(status).send(errorBody(error, status < 500))
  })
  return server
}

function addVerbs(
  server: FastifyInstance,
  verbs: readonly AnyVerb[],
  { context, ...rest }: { context: VerbContext; log: Log; closing: AbortSignal }
): void {
  for (const verb of verbs) {
    server.post(pathOf(verb), { schema: { querystring: schemaOf(verb) } }, (request, reply) =>
      answer(verb, context, { request, reply, ...rest })
    )
  }
}
