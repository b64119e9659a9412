/**
 * Where each part says what it does. A pino logger fits; `fields` are for programs, `message` for
 * people.
 */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Says nothing: for a library's user who gave no logger. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
