import { ResourceExhaustedError } from './errors.ts'

/** Error codes of the operating system that say that this process or its disk ran out of something. */
const exhaustion: Record<string, string> = {
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in the system',
  ENOMEM: 'out of memory',
  ENOSPC: 'no space left on the disk'
}

/**
 * What an error, or a cause of it, says of this process rather than of a shard; undefined when it says
 * no such thing.
 */
export function exhaustionOf(error: unknown): ResourceExhaustedError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ResourceExhaustedError) return at
    const what = exhaustion[(at as NodeJS.ErrnoException).code ?? '']
    if (what !== undefined) return new ResourceExhaustedError(what, { cause: error })
  }
  return undefined
}

/** Throws such an error as RESOURCE_EXHAUSTED; returns for any other. */
export function rethrowExhaustion(error: unknown): void {
  const exhausted = exhaustionOf(error)
  if (exhausted !== undefined) throw exhausted
}
