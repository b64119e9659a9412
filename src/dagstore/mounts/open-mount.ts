import { FileMount } from './file-mount.ts'
import type { Mount } from './mount.ts'

/**
 * The mount that a path or a URL means. What looks like `scheme://` is a URL, all else is a path.
 *
 * @throws MOUNT_UNSUPPORTED when no mount reads such URLs
 */
export function openMount(pathOrUrl: string): Mount {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(pathOrUrl)
  return isUrl ? FileMount.fromUrl(pathOrUrl) : FileMount.fromPath(pathOrUrl)
}
