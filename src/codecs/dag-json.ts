import { code, decode, encode, name } from '@ipld/dag-json'
import { CID } from 'multiformats/cid'
import { codecFor, depthMax, type Codec } from './codec.ts'

/** JSON with links as `{"/": "<cid>"}`. https://ipld.io/specs/codecs/dag-json/spec/ */
export const dagJson: Codec = codecFor({
  code,
  name,
  decode: bytes => {
    scan(utf8.decode(bytes))
    return decode(bytes)
  },
  encode,
  links: bytes => {
    const text = utf8.decode(bytes)
    JSON.parse(text) // does not recurse, so that the scan only ever sees well-formed text
    return scan(text)
  }
})

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A map whose first key is "/", however it is escaped, with a string as value. */
const linkStart = /\{\s*"(?:\/|\\\/|\\u002[fF])"\s*:\s*(?=")/y
const mapEnd = /\s*\}/y

/** Links in base58 and base36: to read one takes the square of its length. */
const slowLink = /^[Qzk]/
/** Longest of them that is read: five times what a sha2-512 needs. */
const slowLinkCharactersMax = 512

/**
 * The links, found without building the value: an object of JavaScript would not keep the order of
 * keys like "10" and "9".
 */
function scan(text: string): CID[] {
  const links: CID[] = []
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') at = endOfString(text, at)
    if (character === '{' || character === '[') depth++
    if (character === '}' || character === ']') depth--
    if (depth > depthMax) throw new Error(`nested deeper than ${depthMax}`)
    const start = character === '{' ? matchEnd(linkStart, text, at) : undefined
    if (start !== undefined) {
      at = endOfString(text, start)
      links.push(parseLink(JSON.parse(text.slice(start, at + 1))))
      if (matchEnd(mapEnd, text, at + 1) === undefined) throw new Error('a link has a second key')
    }
  }
  return links
}

function parseLink(text: string): CID {
  if (text.length > slowLinkCharactersMax && slowLink.test(text)) {
    throw new Error(`a link of ${text.length} characters in base58 or base36`)
  }
  return CID.parse(text)
}

/** Where the match of a sticky pattern at `position` ends. */
function matchEnd(pattern: RegExp, text: string, position: number): number | undefined {
  pattern.lastIndex = position
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** Position of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end
}

function isEscaped(text: string, position: number): boolean {
  let backslashes = 0
  while (text[position - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}
