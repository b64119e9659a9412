/** `defaults` overlaid with what `options` sets. Undefined counts as not set; an unknown key throws. */
export function withDefaults<T extends object>(defaults: T, options: Partial<T>): T {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(defaults, key)) throw new TypeError(`unknown option: ${key}`)
  }
  const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...defaults, ...set }
}
