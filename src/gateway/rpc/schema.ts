import type { FastifySchemaValidationError } from 'fastify'
import { UsageInvalidError } from '../errors.ts'
import type { AnyVerb } from './verb.ts'

/** Sent by kubo's clients with any call; they change nothing here, where an answer is always JSON. */
const withoutMeaning = ['enc', 'encoding', 'stream-channels']

/** JSON schema of a verb's query. An option that the verb does not know is an error. */
export function schemaOf(verb: AnyVerb): object {
  const { name, min, max } = verb.args
  const arg = { type: 'array', items: { type: 'string' }, description: name, minItems: min }
  return {
    type: 'object',
    properties: {
      ...Object.fromEntries(withoutMeaning.map(option => [option, { type: 'string' }])),
      timeout: { type: 'string', description: 'longest time for the call, such as 30s' },
      arg: max === Infinity ? arg : { ...arg, maxItems: max },
      ...verb.options
    },
    required: min > 0 ? ['arg'] : [],
    additionalProperties: false
  }
}

/** The first thing that is wrong with a query, in words. */
export function queryError([failure]: FastifySchemaValidationError[]): UsageInvalidError {
  const { keyword, params, instancePath, message } = failure ?? {}
  if (keyword === 'additionalProperties') {
    return new UsageInvalidError(`unknown option ${JSON.stringify(params?.['additionalProperty'])}`)
  }
  if (keyword === 'required') return new UsageInvalidError('an argument is missing: send ?arg=')
  return new UsageInvalidError(`query ${instancePath?.replace('/', '')}: ${message}`)
}
