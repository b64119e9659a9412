import { createHeliaBitswap } from '../../src/exchange/index.ts'
import { silentLog } from '../../src/log.ts'
import { companySuite } from '../suites/exchange-company.ts'
import type { CreateExchange } from '../suites/exchange-peers.ts'
import { exchangeSuite } from '../suites/exchange.ts'

const create: CreateExchange = parts =>
  createHeliaBitswap({ ...parts, log: silentLog, config: { retellMs: 200 } })

exchangeSuite('bitswap over @helia/bitswap', create)
companySuite('bitswap over @helia/bitswap in company', create)
