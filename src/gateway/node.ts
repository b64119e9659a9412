/**
 * The room below, loaded when a verb runs. A command that talks to a daemon never runs one itself,
 * and starts in a third of the time without it.
 */
export function loadNode(): Promise<typeof import('../node/index.ts')> {
  return import('../node/index.ts')
}
