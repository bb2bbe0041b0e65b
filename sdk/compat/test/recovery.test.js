import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { node } from '../lib/env.js';
import { call, expect } from '../lib/http.js';
import { Identity, payloadOf } from '../lib/identity.js';
import { keyOf, newKey } from '../lib/keys.js';
import { verify } from '../lib/packages.js';

const passphrase = 'correct horse battery staple';
const utf8 = new TextEncoder();

/** Two ways to a key from a passphrase: within JOSE, and beside it as the documentation of 2019 says. */
const schemes = {
  'PBES2-HS256+A128KW': {
    lock: (text) =>
      new CompactEncrypt(utf8.encode(text))
        .setProtectedHeader({ alg: 'PBES2-HS256+A128KW', enc: 'A256GCM' })
        .setKeyManagementParameters({ p2c: 10_000 })
        .encrypt(utf8.encode(passphrase)),
    unlock: (jwe) => compactDecrypt(jwe, utf8.encode(passphrase), {
      keyManagementAlgorithms: ['PBES2-HS256+A128KW'],
      maxPBES2Count: 10_000,
    }),
  },
  'PBKDF2 with SHA-256 and 10,000 rounds': {
    lock: async (text, salt) =>
      new CompactEncrypt(utf8.encode(text))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .encrypt(await derive(salt)),
    unlock: async (jwe, salt) =>
      compactDecrypt(jwe, await derive(salt), { keyManagementAlgorithms: ['dir'] }),
  },
};

async function derive(salt) {
  const base = await crypto.subtle.importKey('raw', utf8.encode(passphrase), 'PBKDF2', false, ['deriveBits']);
  const how = { name: 'PBKDF2', hash: 'SHA-256', iterations: 10_000, salt: utf8.encode(salt) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, base, 256));
}

/** What the SDK needs to be somebody again: both private keys, under the passphrase. */
async function store(who, path, name, scheme) {
  const keys = JSON.stringify([who.sigKey.privateJwk, who.encKey.privateJwk]);
  const jwe = await scheme.lock(keys, who.address);
  const jws = await who.token(path, 'jws', { name, jwe });
  return { jws, answer: await who.post(path, { jws }) };
}

/** A new device: it has the address and the passphrase, and nothing else. */
async function recover(lost, path, scheme, url) {
  const { body } = expect(await call(url, lost.auth, 'GET', path), 200, 20018);
  const { plaintext } = await scheme.unlock(payloadOf(body.jws).jwe, lost.address);
  const [sig, enc] = JSON.parse(Buffer.from(plaintext));
  const found = await Identity.create();
  Object.assign(found, { address: lost.address, sigKey: await keyOf(sig), encKey: await keyOf(enc) });
  return { found, stored: body };
}

describe('recovery (section 5)', () => {
  for (const [name, scheme] of Object.entries(schemes)) {
    it(`brings an identity back from ${name}, stored as the 2019 SDK does`, async () => {
      const who = await Identity.register();
      const { jws, answer } = await store(who, '/v1/identity/me/data/recovery', 'recovery', scheme);
      expect(answer, 200, 20017);

      const path = `/v1/identity/${who.address}/recovery`;
      const { found, stored } = await recover(who, path, scheme, node(1));
      assert.equal(stored.name, 'recovery');
      assert.equal(stored.jws, jws);
      assert.ok(stored.updated);
      await verify(stored.jws, who.sigKey.publicJwk);

      const me = expect(await found.ask('/v1/identity/me'), 200, 20012);
      assert.equal(me.body.address, who.address);
      const sent = await found.send('s', who.address, { text: 'it is me again' });
      assert.ok([20021, 20022].includes(sent.code), JSON.stringify(sent));
    });
  }

  it('is one item under its two names', async () => {
    const who = await Identity.register();
    const scheme = schemes['PBES2-HS256+A128KW'];
    const { jws, answer } = await store(who, '/v1/identity/me/recovery', 'recovery', scheme);
    expect(answer, 200, 20017);
    for (const path of ['recovery', 'data/recovery']) {
      const found = expect(await who.get(`/v1/identity/${who.address}/${path}`), 200, 20018);
      assert.equal(found.body.jws, jws);
    }
  });

  it('comes back as it was stored after the signing key has changed', async () => {
    const who = await Identity.register();
    const scheme = schemes['PBES2-HS256+A128KW'];
    const { jws } = await store(who, '/v1/identity/me/data/recovery', 'recovery', scheme);
    const path = '/v1/identity/me/sigPubKey';
    const next = await newKey('sig');
    expect(await who.post(path, {
      sigPubKey: await who.token(path, 'sigPubKey', next.publicJwk),
      encPubKey: await who.token(path, 'encPubKey', who.encKey.publicJwk, next),
    }), 200, 20013);
    const found = expect(await who.get(`/v1/identity/${who.address}/recovery`), 200, 20018);
    assert.equal(found.body.jws, jws);
  });

  it('stores other data by name, and says 40402 where there is none', async () => {
    const who = await Identity.register();
    const { answer } = await store(who, '/v1/identity/me/data/a-name_2', 'a-name_2', schemes['PBES2-HS256+A128KW']);
    expect(answer, 200, 20017);
    const found = expect(await who.get(`/v1/identity/${who.address}/data/a-name_2`), 200, 20018);
    assert.equal(found.body.name, 'a-name_2');
    expect(await who.get(`/v1/identity/${who.address}/data/other`), 404, 40402);
    expect(await who.get(`/v1/identity/${who.address}/recovery`), 404, 40402);
  });
});
