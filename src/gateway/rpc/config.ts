/** Bounds of what a client may send. */
export interface RpcConfig {
  /** Bytes of one file in a body, inclusive. */
  readonly uploadBytesMax: number
  /** Files in one body. */
  readonly uploadFilesMax: number
  /** Bytes of a body that is not files, inclusive: no verb reads one. */
  readonly bodyBytesMax: number
  /**
   * How long a graceful end waits for answers under way, before it breaks them off; after as much
   * time again it cuts the connections.
   */
  readonly closeTimeoutMs: number
}

export const defaults: RpcConfig = {
  uploadBytesMax: 2 ** 40,
  uploadFilesMax: 1000,
  bodyBytesMax: 65_536,
  closeTimeoutMs: 5_000
}
