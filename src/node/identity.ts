import { randomBytes } from 'node:crypto'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { readIfThere, writeDurable } from './durable-file.ts'

/** For its owner's eyes only. */
const secretMode = 0o600

/**
 * The peer's key, made the first time. The file holds libp2p's protobuf of an Ed25519 private key:
 * what `ipfs key export` writes.
 */
export async function loadIdentity(path: string): Promise<PrivateKey> {
  const stored = await readIfThere(path)
  if (stored !== undefined) return privateKeyFromProtobuf(stored)
  const key = await generateKeyPair('Ed25519')
  await writeDurable(path, privateKeyToProtobuf(key), { mode: secretMode })
  return key
}

/** What a client of the daemon's RPC shows to be let in: 256 random bits, made the first time. */
export async function loadToken(path: string): Promise<string> {
  const stored = await readIfThere(path)
  if (stored !== undefined) return stored.toString('utf8').trim()
  const token = randomBytes(32).toString('base64url')
  await writeDurable(path, `${token}\n`, { mode: secretMode })
  return token
}
