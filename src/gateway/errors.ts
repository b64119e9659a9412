import { CardockError, type ErrorCode } from '../errors.ts'

/** Nothing answers where the daemon's RPC should be. */
export class RpcUnreachableError extends CardockError {
  readonly code = 'RPC_UNREACHABLE'

  constructor(address: string, options?: ErrorOptions) {
    super(`no daemon answers at ${address}: start it with \`cardock daemon\``, options)
  }
}

/** The daemon answered with something that is not an answer to the call, or broke off. */
export class RpcFailedError extends CardockError {
  readonly code = 'RPC_FAILED'
}

/** What the verb threw in the daemon, as far as it crosses HTTP: its code and its message. */
export class RemoteError extends CardockError {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A call with arguments or options that the verb does not take. */
export class UsageInvalidError extends CardockError {
  readonly code = 'USAGE_INVALID'
}

/** The caller's time was over. */
export class TimeoutError extends CardockError {
  readonly code = 'TIMEOUT'

  constructor(time: string) {
    super(`not done within ${time}: give it more with --timeout`)
  }
}

/** The RPC cannot listen at `Addresses.API`. */
export class RpcListenError extends CardockError {
  readonly code = 'LISTEN_FAILED'

  constructor(address: string, cause: unknown) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    const why = isTaken ? 'another program listens there' : messageOf(cause)
    super(
      `the RPC cannot listen on ${address} (${why}): end what is in the way, take a free port with \`cardock config set Addresses.API /ip4/127.0.0.1/tcp/0\`, or start with --profile test`,
      { cause }
    )
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
