// Key pairs of an identity, and the ids they go by (section 4).

import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';

/** A fresh P-256 pair: `use` is `sig` or `enc`; `id` is the thumbprint of RFC 7638, unpadded. */
export async function newKey(use) {
  const alg = use === 'sig' ? 'ES256' : 'ECDH-ES+A256KW';
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return keyOf({ ...(await exportJWK(privateKey)), use });
}

/** The pair of a private JWK, as it comes out of a recovery. */
export async function keyOf(jwk) {
  const { use, kty, crv, x, y, d } = jwk;
  const id = await calculateJwkThumbprint({ kty, crv, x, y });
  // As the SDK has it, the key's own id is padded too.
  const publicJwk = { use, kty, kid: padded(id), crv, x, y };
  return { use, id, publicJwk, privateJwk: { use, kty, crv, x, y, d } };
}

/** 43 characters of base64url and their `=`: how the SDK writes a key id outside of messages. */
export const padded = (id) => id.padEnd(Math.ceil(id.length / 4) * 4, '=');

/** The 8 characters that the SDK sends in messages. */
export const short = (id) => id.slice(0, 8);

/** The address without its host: legal wherever all parties are local (section 1). */
export const local = (address) => address.split('@')[0];
