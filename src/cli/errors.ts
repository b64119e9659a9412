import { CardockError } from '../errors.ts'

/** The user pressed Ctrl-C, or the process was told to end. */
export class InterruptedError extends CardockError {
  readonly code = 'INTERRUPTED'

  constructor() {
    super('interrupted: what was fetched is kept')
  }
}

/** Whoever reads our stdout has closed it: a reason to end, and none to complain. */
export class StdoutClosedError extends CardockError {
  readonly code = 'OUTPUT_CLOSED'

  constructor() {
    super('the reader of the output went away')
  }
}

/** The command needs a daemon, and none runs on the repo. */
export class NoDaemonError extends CardockError {
  readonly code = 'RPC_UNREACHABLE'

  constructor(repo: string) {
    super(`no daemon runs on ${repo}: start it with \`cardock daemon\``)
  }
}

/** What a command would write is there already, or is a folder. */
export class OutputExistsError extends CardockError {
  readonly code = 'USAGE_INVALID'

  constructor(path: string, what = '') {
    super(`${path} exists already${what}: choose another place with -o`)
  }
}

/** A tar names a file outside the folder that it is unpacked into. */
export class TarEntryError extends CardockError {
  readonly code = 'PATH_UNSAFE'

  constructor(name: string) {
    super(
      `the folder has an entry ${JSON.stringify(name)} that leads out of it: nothing was written`
    )
  }
}

/** Some of the files were not imported; each was named with its reason. */
export class ImportFailedError extends CardockError {
  readonly code = 'IMPORT_FAILED'

  constructor(failed: number, all: number) {
    super(`${failed} of ${all} files not imported`)
  }
}

/** One line for people: what happened and what to do. */
export function messageOf(error: unknown): string {
  if (error instanceof SuppressedError) return messageOf(error.suppressed)
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s+/g, ' ').trim()
}
