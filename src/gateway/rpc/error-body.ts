import { CardockError } from '../../errors.ts'

/** An error as kubo's RPC writes it; `code` is ours, for programs. */
export interface ErrorBody {
  readonly Message: string
  /** kubo's: 0 for a failure, 1 for a wrong call. */
  readonly Code: 0 | 1
  readonly Type: 'error'
  readonly code?: string | undefined
}

export function errorBody(error: unknown, wrongCall = false): ErrorBody {
  const Message = error instanceof Error ? error.message : String(error)
  const code = error instanceof CardockError ? error.code : undefined
  return { Message, Code: wrongCall ? 1 : 0, Type: 'error', code }
}
