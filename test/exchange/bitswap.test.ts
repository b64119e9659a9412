import { createHeliaBitswap } from '../../src/exchange/index.ts'
import { silentLog } from '../../src/log.ts'
import { exchangeSuite } from '../suites/exchange.ts'

exchangeSuite('bitswap over @helia/bitswap', parts =>
  createHeliaBitswap({ ...parts, log: silentLog, config: { retellMs: 200 } })
)
