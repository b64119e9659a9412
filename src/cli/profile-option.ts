import { Option } from 'commander'
import type { ProfileName } from '../node/index.ts'

const profiles: readonly ProfileName[] = ['test', 'server']

/** An option that takes the name of a config profile. */
export function profileOption(flags: string, description: string): Option {
  return new Option(flags, description).choices(profiles)
}
