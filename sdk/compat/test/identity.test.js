import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { domain, node } from '../lib/env.js';
import { call, expect } from '../lib/http.js';
import { Identity } from '../lib/identity.js';
import { local, newKey, padded } from '../lib/keys.js';
import { trust } from '../lib/packages.js';

const sameKey = (got, want) => assert.deepEqual([got.x, got.y, got.use], [want.x, want.y, want.use]);

describe('identities (section 5)', () => {
  it('registers with padded key ids and gets back what it sent', async () => {
    const who = await Identity.create({ type: 'vault' });
    const sent = await who.registration();
    const { body } = expect(await who.post('/v1/identity', sent), 200, 20011);

    assert.match(body.address, new RegExp(`^i[A-Za-z0-9_-]{20}@${domain}$`));
    sameKey(body.sigPubKey, who.sigKey.publicJwk);
    sameKey(body.sigRoot, who.sigKey.publicJwk);
    assert.deepEqual(body.sigChain, []);
    assert.equal(body.encPubKey, sent.encPubKey);
    assert.equal(body.metaPublicJWS, sent.metaPublic);
    assert.equal(body.metaPublic.identityType, 'vault');
    assert.match(body.metaPublic.appAddress, new RegExp(`^p[A-Za-z0-9_-]{20}@${domain}$`));
    for (const day of [body.metaPrivate.created, body.metaPrivate.lastHeardDay]) {
      assert.match(day, /^\d+$/);
      assert.ok(Math.abs(Number(day) - Date.now() / 1000) < 86_400);
    }
  });

  it('gives the identity it already has when the same tokens come again, on any node', async () => {
    const who = await Identity.create();
    const sent = await who.registration();
    const first = expect(await call(node(0), who.auth, 'POST', '/v1/identity', sent), 200, 20011);
    const again = expect(await call(node(1), who.auth, 'POST', '/v1/identity', sent), 200, 20011);
    assert.equal(again.body.address, first.body.address);

    who.type = 'group';
    const other = await who.registration();
    expect(await call(node(2), who.auth, 'POST', '/v1/identity', other), 409, 40902);
  });

  it('answers me on every node, with and without the host of the address', async () => {
    const who = await Identity.register();
    const full = who.address;
    for (const n of [0, 1, 2]) {
      for (const address of [full, local(full)]) {
        who.url = node(n);
        who.address = address;
        const { body } = expect(await who.ask('/v1/identity/me'), 200, 20012);
        assert.equal(body.address, full);
        assert.ok(body.metaPrivate);
      }
    }
  });

  it('takes the host name, the domain and a list of audiences, and no other', async () => {
    const who = await Identity.register();
    for (const aud of [domain, [domain], ['elsewhere.example', new URL(who.url).hostname]]) {
      expect(await who.ask('/v1/identity/me', { aud }), 200, 20012);
    }
    expect(await who.ask('/v1/identity/me', { aud: 'elsewhere.example' }), 401, 40017);
  });

  it('shows strangers the public part alone', async () => {
    const who = await Identity.register();
    const peer = await Identity.register();
    const name = local(who.address);
    const forms = [who.address, name, encodeURIComponent(who.address), `${name}=`, `${name}==@${domain.toUpperCase()}`];
    for (const id of forms) {
      const { body } = expect(await peer.get(`/v1/identity/${id}`), 200, 20012);
      assert.equal(body.address, who.address);
      assert.equal(body.metaPrivate, undefined);
      sameKey((await trust(body)).encPubKey, who.encKey.publicJwk);
    }
    expect(await peer.get(`/v1/identity/i${'A'.repeat(20)}`), 404, 40401);
    expect(await peer.get(`/v1/identity/i${'A'.repeat(20)}@elsewhere.example`), 404, 40403);
    expect(await peer.get('/v1/identity/iShort'), 400, 40003);
  });

  it('updates one meta, or both', async () => {
    const who = await Identity.register();
    const path = '/v1/identity/me/meta';
    const metaPrivate = await who.token(path, 'metaPrivate', { name: 'a' });
    const one = expect(await who.post(path, { metaPrivate }), 200, 20015);
    assert.equal(one.body.metaPrivate.name, 'a');
    assert.equal(one.body.metaPublic.identityType, 'user');

    const both = {
      metaPrivate: await who.token(path, 'metaPrivate', { name: 'b' }),
      metaPublic: await who.token(path, 'metaPublic', { identityType: 'app', label: 'c' }),
    };
    const { body } = expect(await who.post(path, both), 200, 20015);
    assert.equal(body.metaPrivate.name, 'b');
    assert.ok(body.metaPrivate.created, 'the server keeps its own fields');
    assert.equal(body.metaPublic.label, 'c');
    assert.equal(body.metaPublic.appAddress, who.registered.metaPublic.appAddress);
    assert.equal(body.metaPublicJWS, both.metaPublic);
  });

  it('refuses a token that was made for another place, or long ago', async () => {
    const who = await Identity.register();
    const path = '/v1/identity/me/meta';
    const elsewhere = await who.token('/v1/identity', 'metaPrivate', {});
    expect(await who.post(path, { metaPrivate: elsewhere }), 400, 40014);
    const proof = await who.proof('/v1/messages/fetch');
    expect(await who.post('/v1/identity/me', { jwt: proof }), 400, 40014);
    const expired = await who.ask('/v1/identity/me', { nbf: 1, exp: 600 });
    expect(expired, 401, 40016);
  });

  it('updates the encryption key', async () => {
    const who = await Identity.register();
    const path = '/v1/identity/me/encPubKey';
    const next = await newKey('enc');
    const encPubKey = await who.token(path, 'encPubKey', next.publicJwk);
    for (const n of [0, 1]) {
      const answer = expect(await call(node(n), who.auth, 'POST', path, { encPubKey }), 200, 20014);
      assert.equal(answer.body.encPubKey, encPubKey);
    }
    const seen = expect(await call(node(2), who.auth, 'GET', `/v1/identity/${who.address}`), 200, 20012);
    sameKey((await trust(seen.body)).encPubKey, next.publicJwk);
  });

  it('updates the signing key: the chain verifies, and the old key is refused everywhere', async () => {
    const who = await Identity.register();
    const path = '/v1/identity/me/sigPubKey';
    const [first, second] = [await newKey('sig'), await newKey('sig')];
    const old = who.sigKey;

    for (const next of [first, second]) {
      const answer = await who.post(path, {
        sigPubKey: await who.token(path, 'sigPubKey', next.publicJwk),
        encPubKey: await who.token(path, 'encPubKey', who.encKey.publicJwk, next),
      });
      expect(answer, 200, 20013);
      who.sigKey = next;
    }
    for (const n of [0, 1, 2]) {
      who.url = node(n);
      who.sigKey = second;
      const { body } = expect(await who.ask('/v1/identity/me'), 200, 20012);
      sameKey(body.sigRoot, old.publicJwk);
      assert.equal(body.sigChain.length, 2);
      const trusted = await trust(body);
      sameKey(trusted.sigPubKey, second.publicJwk);
      sameKey(trusted.encPubKey, who.encKey.publicJwk);

      for (const gone of [old, first]) {
        who.sigKey = gone;
        expect(await who.ask('/v1/identity/me'), 401, 40013);
      }
    }
  });

  it('selects the key by a short id, a full one, or a padded one', async () => {
    const who = await Identity.register();
    const { id } = who.sigKey;
    for (const kid of [id.slice(0, 8), id, padded(id)]) {
      who.sigKey.id = kid;
      expect(await who.ask('/v1/identity/me'), 200, 20012);
    }
    for (const kid of [id.slice(0, 7), 'A'.repeat(43)]) {
      who.sigKey.id = kid;
      const answer = await who.ask('/v1/identity/me');
      assert.ok([40010, 40013].includes(answer.code), JSON.stringify(answer));
    }
  });

  it('retires: it is gone on every node, and nothing can be sent to it', async () => {
    const who = await Identity.register();
    const peer = await Identity.register();
    assert.equal((await peer.send('s', who.address, {})).status, 200);
    expect(await who.ask('/v1/identity/me/retire'), 200, 20030);
    for (const n of [0, 1, 2]) {
      who.url = node(n);
      expect(await peer.get(`/v1/identity/${who.address}`), 410, 41000);
      expect(await who.ask('/v1/identity/me'), 410, 41000);
      expect(await who.ask('/v1/messages/fetch'), 410, 41000);
    }
    assert.equal((await peer.send('s', who.address, {})).code, 41000);
  });
});
