// A vault and a user of the protocol's sections 6 and 7, each on another node.

import assert from 'node:assert/strict';
import { Identity } from './identity.js';
import { encrypt, trust, verify } from './packages.js';
import { local } from './keys.js';

/** Vault V and user U, who have never heard of each other but for the addresses. */
export async function vaultAndUser() {
  const vault = await Identity.register({ type: 'vault' });
  const user = await Identity.register({ type: 'user' });
  return { vault, user };
}

/** What `who` may believe of the identity at `address`. */
export async function lookUp(who, address) {
  const answer = await who.get(`/v1/identity/${local(address)}`);
  assert.equal(answer.code, 20012, JSON.stringify(answer));
  return trust(answer.body);
}

/** Publishes `content` from `vault` to `user` under the package id `kid`; gives the result. */
export async function publish(vault, user, kid, content, { alg = 'ECDH-ES+A256KW', respTo } = {}) {
  const { encPubKey } = await lookUp(vault, user.address);
  const jwe = await encrypt(content, alg, encPubKey, `${local(user.address)}/${encPubKey.kid}`);
  return vault.send('p', user.address, { kid, jwe, ...(respTo ? { respTo } : {}) });
}

/** Asserts that a message was accepted, whoever listens. */
export function accepted(result) {
  assert.equal(result.status, 200, JSON.stringify(result));
  assert.ok([20021, 20022].includes(result.code), JSON.stringify(result));
  assert.match(result.ts, /^\d{19}$/);
  return result;
}

/** Asserts that `msg` is really by the identity at `address`, and gives its payload. */
export async function by(reader, address, msg) {
  const { sigPubKey } = await lookUp(reader, address);
  return (await verify(msg, sigPubKey)).payload;
}
