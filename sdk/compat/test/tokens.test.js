import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CompactSign, generateKeyPair } from 'jose';
import { node } from '../lib/env.js';
import { call, expect } from '../lib/http.js';
import { Identity, sign } from '../lib/identity.js';
import { newKey, padded } from '../lib/keys.js';

const META = '/v1/identity/me/meta';
const now = () => Math.floor(Date.now() / 1000);

/** A token over new private metadata, its header altered. */
async function meta(who, payload, header = {}) {
  const bound = { tgt: `${META}#metaPrivate`, iat: now(), ...header };
  return sign(who.sigKey, `${who.address}/${padded(who.sigKey.id)}`, payload, bound);
}

describe('tokens (section 4)', () => {
  const headers = {
    jwk: {}, jku: 'https://example.org/', x5u: 'https://example.org/', x5t: 'AAAA', zip: 'DEF', anything: 1,
  };
  for (const [field, value] of Object.entries(headers)) {
    it(`with ${field} in the header are refused`, async () => {
      const who = await Identity.register();
      expect(await who.post(META, { metaPrivate: await meta(who, {}, { [field]: value }) }), 400, 40010);
    });
  }

  it('may have typ and cty', async () => {
    const who = await Identity.register();
    const header = { typ: 'JWT', cty: 'json' };
    expect(await who.post(META, { metaPrivate: await meta(who, {}, header) }), 200, 20015);
  });

  it('are ES256 and nothing else', async () => {
    const who = await Identity.register();
    const { privateKey } = await generateKeyPair('ES384');
    const header = { alg: 'ES384', kid: `${who.address}/${who.sigKey.id}`, tgt: `${META}#metaPrivate`, iat: now() };
    const es384 = await new CompactSign(Buffer.from('{}')).setProtectedHeader(header).sign(privateKey);
    const plain = { ...header, alg: 'none' };
    const none = `${Buffer.from(JSON.stringify(plain)).toString('base64url')}.e30.`;
    for (const metaPrivate of [es384, none]) {
      const answer = await who.post(META, { metaPrivate });
      assert.ok([40010, 40011].includes(answer.code), JSON.stringify(answer));
    }
    expect(await who.post(META, { metaPrivate: es384 }), 400, 40011);
  });

  it('are refused when the signature is not that of the key they name', async () => {
    const who = await Identity.register();
    const forger = await Identity.create();
    const kid = `${who.address}/${padded(who.sigKey.id)}`;
    const header = { tgt: `${META}#metaPrivate`, iat: now() };
    const metaPrivate = await sign(forger.sigKey, kid, {}, header);
    expect(await who.post(META, { metaPrivate }), 401, 40012);
    for (const rubbish of ['a', 'a.b', 'a.b.c', metaPrivate.replace('.', '!.')]) {
      expect(await who.post(META, { metaPrivate: rubbish }), 400, 40010);
    }
  });

  it('have an iat within five minutes', async () => {
    const who = await Identity.register();
    for (const iat of [now() - 400, now() + 400, undefined]) {
      expect(await who.post(META, { metaPrivate: await meta(who, {}, { iat }) }), 400, 40015);
    }
    expect(await who.post(META, { metaPrivate: await meta(who, {}, { iat: now() - 200 }) }), 200, 20015);
  });

  it('do the same again, and cannot be replayed out of order', async () => {
    const who = await Identity.register();
    const older = await meta(who, { v: 1 }, { iat: now() - 20 });
    const newer = await meta(who, { v: 2 }, { iat: now() - 10 });
    const put = (metaPrivate, n) => call(node(n), who.auth, 'POST', META, { metaPrivate });
    expect(await put(older, 0), 200, 20015);
    expect(await put(newer, 1), 200, 20015);
    expect(await put(newer, 2), 200, 20015);
    expect(await put(older, 0), 409, 40900);
    assert.equal((await who.ask('/v1/identity/me')).body.metaPrivate.v, 2);
  });
});

describe('public keys (section 4)', () => {
  const faults = {
    'with their private half': (jwk, key) => ({ ...jwk, d: key.privateJwk.d }),
    'for the other use': (jwk) => ({ ...jwk, use: 'enc' }),
    'of another curve': (jwk) => ({ ...jwk, crv: 'P-384' }),
    'off the curve': (jwk) => ({ ...jwk, y: jwk.x }),
    'with a kid that is not the thumbprint': (jwk) => ({ ...jwk, kid: 'A'.repeat(43) }),
  };
  for (const [name, spoil] of Object.entries(faults)) {
    it(`${name} are refused`, async () => {
      const who = await Identity.create();
      const sent = await who.registration();
      sent.sigPubKey = spoil(sent.sigPubKey, who.sigKey);
      expect(await who.post('/v1/identity', sent), 400, 40019);
    });
  }

  it('need no kid', async () => {
    const who = await Identity.create();
    const sent = await who.registration();
    delete sent.sigPubKey.kid;
    expect(await who.post('/v1/identity', sent), 200, 20011);
  });

  it('are checked in a token as well', async () => {
    const who = await Identity.register();
    const path = '/v1/identity/me/encPubKey';
    const { publicJwk } = await newKey('sig');
    expect(await who.post(path, { encPubKey: await who.token(path, 'encPubKey', publicJwk) }), 400, 40019);
  });
});
