// How an API key says who is asking (section 3).

import { SignJWT } from 'jose';
import { domain } from './env.js';

const utf8 = new TextEncoder();

/** `Basic`, the SDK's own way: the secret is the base64 text as issued. */
export function basic(key) {
  return `Basic ${Buffer.from(`${key.address}:${key.secret}`).toString('base64')}`;
}

/** `Bearer`, keyed with the 32 bytes that the secret's base64 stands for. */
export const bearer = async (key, claims) => `Bearer ${await keyToken(key, rawSecret(key), claims)}`;

/** `Bearer`, keyed with the base64 text itself, as some clients of 2019 do. */
export const bearerOfText = async (key, claims) =>
  `Bearer ${await keyToken(key, utf8.encode(key.secret), claims)}`;

/** The token of `bearer`, which browsers also send as a WebSocket subprotocol (section 6). */
export const bearerToken = (key) => keyToken(key, rawSecret(key));

/** Both base64 alphabets are read: the page does not say which one the secret is in. */
function rawSecret(key) {
  const raw = Buffer.from(key.secret, 'base64');
  if (raw.length !== 32) throw new Error(`the secret of ${key.address} has ${raw.length} bytes`);
  return raw;
}

function keyToken(key, secret, claims = {}) {
  const now = Math.floor(Date.now() / 1000);
  // The times of the 2019 sample: five minutes to either side.
  const all = { aud: [domain], exp: now + 300, iat: now, nbf: now - 300, ...claims };
  return new SignJWT(all).setProtectedHeader({ alg: 'HS256', kid: key.address }).sign(secret);
}
