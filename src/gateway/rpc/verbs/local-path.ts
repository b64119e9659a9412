import { isAbsolute } from 'node:path'
import { UsageInvalidError } from '../../errors.ts'

/**
 * A path that a caller on this machine gave. The folder that the daemon was started in says nothing
 * to its callers.
 *
 * @throws USAGE_INVALID for a relative one
 */
export function localPath(path: string): string {
  if (isAbsolute(path)) return path
  throw new UsageInvalidError(`${path} is not an absolute path`)
}
