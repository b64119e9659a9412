import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { isLoopback } from './address.ts'

/** Why a request is refused before its verb is looked at. */
export interface Refusal {
  readonly status: 401 | 403 | 405
  readonly reason: string
  readonly headers: Record<string, string>
}

/**
 * The RPC is for programs of this machine's user: whoever can read the token in the repo. A web page
 * open in a browser reaches loopback too, so whatever names another origin is refused even with a
 * token.
 */
export function refusalOf(request: FastifyRequest, token: string): Refusal | undefined {
  const { origin, referer, authorization, host } = request.headers
  if (origin !== undefined && !isHere(origin, host)) return foreign('Origin', origin)
  if (referer !== undefined && !isHere(referer, host)) return foreign('Referer', referer)
  if (request.method !== 'POST') {
    const reason = `${request.method} is not a way to call this RPC: use POST`
    return { status: 405, reason, headers: { allow: 'POST' } }
  }
  if (sameText(authorization ?? '', `Bearer ${token}`)) return undefined
  const reason =
    'send `Authorization: Bearer <token>` with the text of the file `token` in the repo'
  return { status: 401, reason, headers: { 'www-authenticate': 'Bearer' } }
}

function foreign(header: string, value: string): Refusal {
  return { status: 403, reason: `${header} ${value} may not use this RPC`, headers: {} }
}

/** A page that this server itself gave. A name that merely resolves to loopback is not enough. */
function isHere(url: string, host: string | undefined): boolean {
  const page = URL.parse(url)
  return page !== null && page.host === host && isLoopback(page.hostname.replace(/^\[|\]$/g, ''))
}

/** Compares digests, so that the time it takes says nothing about the text. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))
}
