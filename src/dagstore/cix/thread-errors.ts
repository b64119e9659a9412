import { ClosedError } from '../../errors.ts'
import {
  CarInvalidError,
  CarLimitError,
  CarTruncatedError,
  IndexCorruptError,
  IndexUnsupportedError
} from '../errors.ts'

/** An error on its way between threads. A structured clone would lose its class and its fields. */
export interface PlainError {
  readonly message: string
  readonly stack?: string | undefined
  /** `code` and what else the error has of its own; of a system error also `errno` and `path`. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly cause?: PlainError | undefined
}

/** Errors that an indexing job throws and that a caller can act on. */
const classes = new Map<unknown, { readonly prototype: Error }>([
  ['CAR_INVALID', CarInvalidError],
  ['CAR_LIMIT', CarLimitError],
  ['CAR_TRUNCATED', CarTruncatedError],
  ['CLOSED', ClosedError],
  ['INDEX_CORRUPT', IndexCorruptError],
  ['INDEX_UNSUPPORTED', IndexUnsupportedError]
])

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { message: String(error), fields: {} }
  const own = Object.entries(error).filter(([, value]) => typeof value !== 'object')
  return {
    message: error.message,
    stack: error.stack,
    fields: Object.fromEntries(own),
    cause: error.cause === undefined ? undefined : plainError(error.cause)
  }
}

/** The error that `plainError` was given, of the same class. */
export function reviveError(plain: PlainError): Error {
  const cause = plain.cause === undefined ? undefined : reviveError(plain.cause)
  const error = new Error(plain.message, cause === undefined ? {} : { cause })
  const made = classes.get(plain.fields['code'])
  if (made !== undefined) Object.setPrototypeOf(error, made.prototype)
  Object.assign(error, plain.fields)
  if (plain.stack !== undefined) error.stack = plain.stack
  return error
}
