import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { setInToml } from '../../src/node/config-edit.ts'
import { parseDuration } from '../../src/duration.ts'
import { parseSize } from '../../src/node/config-fields.ts'
import { profiles } from '../../src/node/config-profiles.ts'
import { schema } from '../../src/node/config-schema.ts'
import {
  configTable,
  configValue,
  parseConfig,
  readConfigInput,
  renderConfig,
  resolveConfig
} from '../../src/node/config.ts'

describe('config', () => {
  it('gives every key its default', () => {
    const config = resolveConfig()
    assert.equal(config.Announce.Interval, 22 * 3_600_000)
    assert.equal(config.Fetch.Window, 4 * 2 ** 20)
    assert.equal(config.Routing.Type, 'auto')
  })

  it('accepts its own defaults and profiles as a file', () => {
    for (const layer of [resolveConfig(), ...Object.values(profiles)]) {
      const text = renderConfig(layer)
      assert.deepEqual(resolveConfig(parseConfig(text)), resolveConfig(layer))
    }
  })

  it('lets a later layer win and takes undefined as not set', () => {
    const config = resolveConfig(
      { Fetch: { MaxWants: 8, IdleTimeout: '5s' } },
      { Fetch: { MaxWants: undefined, IdleTimeout: 7_000 }, Bootstrap: [] }
    )
    assert.equal(config.Fetch.MaxWants, 8)
    assert.equal(config.Fetch.IdleTimeout, 7_000)
    assert.deepEqual(config.Bootstrap, [])
  })

  it('shows durations and sizes as people write them', () => {
    const table = configTable(resolveConfig({ Announce: { Interval: '90m' } }))
    assert.deepEqual(table['Announce'], { Policy: 'roots', Interval: '90m' })
    assert.equal(configValue(resolveConfig(), 'DAGStore.MaxBlockSize'), '8MiB')
    assert.deepEqual(configValue(resolveConfig(), 'Routing'), { Type: 'auto', InitialQuery: '1s' })
  })

  const refused = [
    {
      why: 'an unknown key',
      text: '[Adresses]\nSwarm = []',
      says: /nearest known one is Addresses/
    },
    {
      why: 'an unknown key in a section',
      text: '[Fetch]\nWindwo = "1MiB"',
      says: /Fetch\.Window$/
    },
    { why: 'a key of another level', text: 'Swarm = []', says: /section, not a value/ },
    { why: 'another type', text: '[Fetch]\nMaxWants = "many"', says: /Fetch\.MaxWants.*integer/ },
    { why: 'a fraction', text: '[Fetch]\nMaxWants = 1.5', says: /integer/ },
    { why: 'a value below its range', text: '[Fetch]\nMaxWants = 0', says: /1 to 1024/ },
    { why: 'a value above its range', text: '[Fetch]\nMaxWants = 1025', says: /1 to 1024/ },
    { why: 'a duration over its range', text: '[Announce]\nInterval = "48h"', says: /1m to 47h/ },
    { why: 'a duration without a unit', text: '[Announce]\nInterval = "22"', says: /duration/ },
    { why: 'a size that is none', text: '[Fetch]\nWindow = "big"', says: /size such as/ },
    { why: 'a choice that is none', text: '[Routing]\nType = "dth"', says: /one of auto/ },
    { why: 'an address that is none', text: 'Bootstrap = ["1.2.3.4"]', says: /not a multiaddr/ },
    { why: 'a prototype', text: '__proto__ = {}', says: /no such key/ },
    { why: 'a file that is no TOML', text: 'Bootstrap = [', says: /config file/ }
  ]
  for (const { why, text, says } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseConfig(text), { code: 'CONFIG_INVALID', message: says })
    })
  }

  it('accepts both ends of a range', () => {
    assert.equal(resolveConfig({ Fetch: { MaxWants: 1 } }).Fetch.MaxWants, 1)
    assert.equal(resolveConfig({ Fetch: { MaxWants: 1_024 } }).Fetch.MaxWants, 1_024)
  })

  it('reads what was typed as JSON, else as text', () => {
    assert.equal(readConfigInput('Fetch.MaxWants', '12'), 12)
    assert.equal(readConfigInput('Fetch.IdleTimeout', '1m30s'), '90s')
    assert.deepEqual(readConfigInput('Bootstrap', '[]'), [])
    assert.throws(() => readConfigInput('Fetch', '1'), { code: 'CONFIG_INVALID' })
    assert.throws(() => configValue(resolveConfig(), 'Fetch.Window.x'), { code: 'CONFIG_INVALID' })
  })

  it('has a documented default in range for every field', () => {
    for (const section of Object.values(schema)) {
      const fields = 'initial' in section ? [section] : Object.values(section)
      for (const field of fields) {
        assert.deepEqual(field.read(field.write(field.initial as never), 'key'), field.initial)
      }
    }
  })
})

describe('config units', () => {
  it('parses any sum of duration units', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(59), fc.nat(59), (hours, minutes, seconds) => {
        const total = parseDuration(`${hours}h${minutes}m${seconds}s`)
        assert.equal(total, ((hours * 60 + minutes) * 60 + seconds) * 1000)
      })
    )
  })

  it('parses binary and decimal sizes', () => {
    assert.equal(parseSize('64MiB'), 67_108_864)
    assert.equal(parseSize('100MB'), 100_000_000)
    assert.equal(parseSize('4096'), 4096)
    assert.equal(parseSize('1.5KiB'), 1536)
    assert.equal(parseSize('-1'), undefined)
  })
})

describe('setInToml', () => {
  const file = `# mine
Bootstrap = [ # two lines
  "/ip4/1.2.3.4/tcp/1"
]

[Fetch] # tuned
# slow link
MaxWants = 8

[Announce]
Policy = "all"
`

  it('changes one value and keeps the rest, comments too', () => {
    const edited = setInToml(file, 'Fetch.MaxWants', 16)
    assert.equal(edited, file.replace('MaxWants = 8', 'MaxWants = 16'))
  })

  it('replaces a list that goes over several lines', () => {
    const edited = setInToml(file, 'Bootstrap', [])
    assert.ok(edited.startsWith('# mine\nBootstrap = []\n\n[Fetch] # tuned\n'), edited)
  })

  it('adds a key at the end of its section', () => {
    assert.match(setInToml(file, 'Fetch.Window', '1MiB'), /MaxWants = 8\nWindow = "1MiB"\n\n\[Ann/)
  })

  it('adds a section at the end and a root key at the start', () => {
    assert.ok(setInToml(file, 'Routing.Type', 'none').endsWith('\n\n[Routing]\nType = "none"\n'))
    assert.equal(setInToml('[A]\nB = 1\n', 'Bootstrap', []), 'Bootstrap = []\n[A]\nB = 1\n')
  })

  it('refuses to edit what it would get wrong', () => {
    assert.throws(() => setInToml('Fetch = { MaxWants = 8 }\n', 'Fetch.MaxWants', 9), {
      code: 'CONFIG_INVALID'
    })
    assert.throws(() => setInToml('Fetch.MaxWants = 8\n', 'Fetch.MaxWants', 9), {
      code: 'CONFIG_INVALID'
    })
  })
})
