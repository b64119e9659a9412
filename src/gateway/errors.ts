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

/** A folder on the path has no entry of that name. */
export class LinkNotFoundError extends CardockError {
  readonly code = 'PATH_NOT_FOUND'

  constructor(path: string, name: string) {
    super(`no link named ${JSON.stringify(name)} under ${path}`)
  }
}
