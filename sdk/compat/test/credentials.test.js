import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calculateJwkThumbprint } from 'jose';
import { basic, bearer, bearerOfText } from '../lib/credentials.js';
import { appKey, domain, node, operatorKey } from '../lib/env.js';
import { call, expect } from '../lib/http.js';
import { Identity } from '../lib/identity.js';
import { verify } from '../lib/packages.js';
import { sample } from './sample.js';

describe('API keys (section 3)', () => {
  const forms = {
    'Basic with the base64 text': basic,
    'Bearer keyed with the raw bytes': bearer,
    'Bearer keyed with the base64 text': bearerOfText,
    'Bearer with one string as its audience': (key) => bearer(key, { aud: domain }),
    'Bearer without iat': (key) => bearer(key, { iat: undefined }),
  };
  for (const [name, form] of Object.entries(forms)) {
    it(`${name} opens the door of every node`, async () => {
      const who = await Identity.register();
      for (const n of [0, 1, 2]) {
        const answer = await call(node(n), await form(appKey), 'GET', `/v1/identity/${who.address}`);
        expect(answer, 200, 20012);
      }
    });
  }

  const now = Math.floor(Date.now() / 1000);
  const wrong = { ...appKey, secret: Buffer.alloc(32, 7).toString('base64') };
  const nobody = { ...appKey, address: `a${'A'.repeat(20)}@${domain}` };
  const refused = {
    'no credentials': [40100, () => undefined],
    'unreadable Basic': [40100, () => 'Basic %%%'],
    'a scheme of its own': [40100, () => 'Digest username="x"'],
    'an unknown key, Basic': [40101, () => basic(nobody)],
    'an unknown key, Bearer': [40101, () => bearer(nobody)],
    'a wrong secret': [40105, () => basic(wrong)],
    'a token by a wrong secret': [40105, () => bearer(wrong)],
    'an expired token': [40105, () => bearer(appKey, { exp: now - 120, nbf: now - 600 })],
    'a token of tomorrow': [40105, () => bearer(appKey, { nbf: now + 120, exp: now + 600 })],
    'a token that is valid for too long': [40105, () => bearer(appKey, { nbf: now, exp: now + 3_700 })],
    'a token without exp': [40105, () => bearer(appKey, { exp: undefined })],
    'a token for another audience': [40105, () => bearer(appKey, { aud: ['elsewhere.example'] })],
  };
  for (const [name, [code, auth]] of Object.entries(refused)) {
    it(`refuses ${name} with ${code}`, async () => {
      expect(await call(node(0), await auth(), 'GET', `/v1/identity/i${'A'.repeat(20)}`), 401, code);
    });
  }

  it('says the same of an unknown key and of a wrong secret', async () => {
    const path = `/v1/identity/i${'A'.repeat(20)}`;
    const a = await call(node(0), basic(nobody), 'GET', path);
    const b = await call(node(0), basic(wrong), 'GET', path);
    assert.equal(a.err, b.err);
  });

  it('refuses a key without the scope', async () => {
    expect(await call(node(0), basic(appKey), 'GET', '/v1/customer'), 403, 40300);
  });
});

describe('transport (section 2)', () => {
  it('answers what is not there, and a wrong method, with the envelope', async () => {
    expect(await call(node(0), basic(appKey), 'GET', '/v1/nowhere'), 404, 40400);
    expect(await call(node(1), basic(appKey), 'DELETE', '/v1/messages/send'), 405, 40500);
  });

  it('needs no Content-Type, and ignores a wrong one and unknown fields', async () => {
    for (const type of [undefined, 'text/plain', 'application/json;charset=UTF-8']) {
      const response = await fetch(`${node(0)}/v1/messages/send`, {
        method: 'POST',
        headers: { Authorization: basic(appKey), ...(type ? { 'Content-Type': type } : {}) },
        body: Buffer.from('{"msgs": [], "unknown": 1}'),
      });
      assert.equal((await response.json()).code, 20020);
    }
  });

  for (const text of ['', '{', '{} {}', '{"msgs":[],"msgs":[]}', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`]) {
    it(`refuses the body ${JSON.stringify(text.slice(0, 30))} with 40000`, async () => {
      const response = await fetch(`${node(0)}/v1/messages/send`, {
        method: 'POST',
        headers: { Authorization: basic(appKey) },
        body: text,
      });
      assert.equal((await response.json()).code, 40000);
    });
  }

  it('lets browsers in: OPTIONS without credentials, CORS on everything', async () => {
    const response = await fetch(`${node(0)}/v1/messages/send`, { method: 'OPTIONS' });
    assert.ok(response.ok, `OPTIONS answered ${response.status}`);
    assert.equal(response.headers.get('Access-Control-Allow-Origin'), '*');
    assert.equal(response.headers.get('Access-Control-Allow-Methods'), '*');
    assert.equal(response.headers.get('Access-Control-Allow-Headers'), 'Authorization, Content-Type');
  });

  it('serves the operational endpoints without credentials', async () => {
    for (const path of ['/ops/health', '/ops/ready', '/ops/version']) {
      assert.equal((await fetch(node(2) + path)).status, 200, path);
    }
    assert.equal((await fetch(`${node(2)}/ops/cluster`)).status, 401);
    assert.equal((await call(node(2), basic(operatorKey), 'GET', '/ops/cluster')).status, 200);
  });
});

describe('the sample of 2019', () => {
  it('has the thumbprint that this client computes, and signatures that it verifies', async () => {
    assert.equal(await calculateJwkThumbprint(sample.sigPubKey), sample.sigPubKey.kid);
    const { header, payload } = await verify(sample.encPubKey, sample.sigPubKey);
    assert.equal(header.tgt, '/v1/identity#encPubKey');
    assert.equal(header.kid, `/${sample.sigPubKey.kid}`);
    assert.equal(payload.use, 'enc');
  });

  it('is refused today: its tokens are of 2019', async () => {
    expect(await call(node(0), basic(appKey), 'POST', '/v1/identity', sample), 400, 40015);
  });
});
