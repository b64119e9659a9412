/** Of verbs that may ask the network for blocks. */
export interface OfflineOption {
  readonly offline?: boolean | undefined
}

export const offlineOption = {
  type: 'boolean',
  description: 'use only blocks that are here'
} as const

/** A verb without arguments. */
export const noArgs = { name: 'none', min: 0, max: 0 } as const
