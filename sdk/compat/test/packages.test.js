import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { node } from '../lib/env.js';
import { payloadOf } from '../lib/identity.js';
import { newKey } from '../lib/keys.js';
import { decrypt, encrypt } from '../lib/packages.js';
import { accepted, by, publish, vaultAndUser } from '../lib/parties.js';
import { Listening } from '../lib/stream.js';

const secret = { permissions: ['read'], key: 'aGVsbG8' };
// Of the waits of 30 s below: an answer ends them long before their time.
const AT_ONCE = { timeout: 20_000 };
const algs = ['ECDH-ES', 'ECDH-ES+A256KW'];

/** U asks V for `kid`, through node n. */
async function request(user, vault, kid, { body = {}, at, ...options } = {}) {
  const home = user.url;
  if (at !== undefined) user.url = node(at);
  try {
    return await user.send('r', vault.address, { kid, ...body }, options);
  } finally {
    user.url = home;
  }
}

describe('content packages (section 7)', () => {
  for (const alg of algs) {
    it(`are published, asked for on every node, and opened by the recipient: ${alg}`, async () => {
      const { vault, user } = await vaultAndUser();
      const published = accepted(await publish(vault, user, 'k1', secret, { alg }));

      for (const at of [0, 1, 2]) {
        const result = await request(user, vault, 'k1', { at });
        assert.deepEqual([result.status, result.code], [200, 20016], JSON.stringify(result));
        assert.equal(result.body.length, 1);
        assert.equal(result.body[0].msg, published.token);
        const { body } = await by(user, vault.address, result.body[0].msg);
        assert.deepEqual(await decrypt(body.jwe, user.encKey), secret);
      }
      const mailbox = await user.fetch();
      assert.deepEqual(mailbox.messages.map((m) => [m.type, m.ts]), [['p', published.ts]]);
      assert.deepEqual((await vault.fetch()).messages, [], 'the vault is not disturbed');
    });

    it(`answer a request that waits: ${alg}`, AT_ONCE, async () => {
      const { vault, user } = await vaultAndUser();
      const inbox = await Listening.open(vault);
      const waiting = request(user, vault, 'k2', { wait: 30 });
      const asked = await inbox.next();
      assert.deepEqual([asked.type, asked.body.kid], ['r', 'k2']);
      accepted(await publish(vault, user, 'k2', secret, { alg, respTo: asked.id }));

      const result = await waiting;
      assert.equal(result.code, 10016, JSON.stringify(result));
      const { body } = await by(user, vault.address, result.body[0].msg);
      assert.equal(body.respTo, result.id);
      assert.deepEqual(await decrypt(body.jwe, user.encKey), secret);
      await inbox.close();
    });

    it(`are encrypted to a key made for the one request: ${alg}`, async () => {
      const { vault, user } = await vaultAndUser();
      const ephemeral = await newKey('enc');
      accepted(await request(user, vault, 'k3', { body: { encPubKey: ephemeral.publicJwk, noCache: true } }));

      const [asked] = (await vault.fetch({ type: 'r' })).messages;
      const { encPubKey } = asked.body;
      const jwe = await encrypt(secret, alg, encPubKey, encPubKey.kid);
      accepted(await vault.send('e', user.address, { kid: 'k3', respTo: asked.id, jwe }));
      const [answer] = (await user.fetch({ type: 'e' })).messages;
      assert.deepEqual(await decrypt(answer.body.jwe, ephemeral), secret);
      await assert.rejects(decrypt(answer.body.jwe, user.encKey));
    });
  }

  it('answer from the cache although the request names another key', async () => {
    const { vault, user } = await vaultAndUser();
    accepted(await publish(vault, user, 'k', secret));
    const { publicJwk } = await newKey('enc');
    const result = await request(user, vault, 'k', { body: { encPubKey: publicJwk } });
    assert.equal(result.code, 20016, JSON.stringify(result));
    assert.deepEqual(await decrypt(payloadOf(result.body[0].msg).body.jwe, user.encKey), secret);
  });

  it('are replaced by a later one', async () => {
    const { vault, user } = await vaultAndUser();
    accepted(await publish(vault, user, 'k', { version: 1 }));
    accepted(await publish(vault, user, 'k', { version: 2 }));
    const result = await request(user, vault, 'k', { at: 2 });
    assert.deepEqual(await decrypt(payloadOf(result.body[0].msg).body.jwe, user.encKey), { version: 2 });
  });

  it('go past the cache with noCache, and to nobody but the recipient', async () => {
    const { vault, user } = await vaultAndUser();
    const { user: other } = await vaultAndUser();
    accepted(await publish(vault, user, 'k', secret));
    accepted(await request(user, vault, 'k', { body: { noCache: true } }));
    accepted(await request(other, vault, 'k'));
    accepted(await request(user, vault, 'unknown'));
    assert.equal((await vault.fetch({ type: 'r' })).messages.length, 3);
  });

  it('are denied with a d message: the wait ends at once', AT_ONCE, async () => {
    const { vault, user } = await vaultAndUser();
    const inbox = await Listening.open(vault);
    const waiting = request(user, vault, 'k', { wait: 30 });
    const asked = await inbox.next();
    accepted(await vault.send('d', user.address, { kid: 'k', respTo: asked.id, reason: 'not you' }));
    const result = await waiting;
    assert.equal(result.code, 10403, JSON.stringify(result));
    assert.equal(payloadOf(result.body[0].msg).body.reason, 'not you');
    await inbox.close();
  });

  it('are denied as a vault of 2019 does it, with an e message: 10001', AT_ONCE, async () => {
    const { vault, user } = await vaultAndUser();
    const inbox = await Listening.open(vault);
    const waiting = request(user, vault, 'k', { wait: 30 });
    const asked = await inbox.next();
    const jwe = await encrypt({ denied: true }, 'ECDH-ES', user.encKey.publicJwk, user.encKey.id);
    accepted(await vault.send('e', user.address, { respTo: asked.id, jwe }));
    assert.equal((await waiting).code, 10001);
    await inbox.close();
  });

  it('leave a wait that nobody answers with the plain result', async () => {
    const { vault, user } = await vaultAndUser();
    accepted(await request(user, vault, 'k', { wait: 1 }));
  });
});

describe('clear (section 7)', () => {
  it('takes a package from the cache and the mailbox, for the next request on any node', async () => {
    const { vault, user } = await vaultAndUser();
    accepted(await publish(vault, user, 'k', secret));
    accepted(await publish(vault, user, 'other', secret));
    assert.equal((await request(user, vault, 'k')).code, 20016);

    const cleared = await vault.send('c', user.address, { kid: 'k' });
    assert.equal(cleared.code, 20024, JSON.stringify(cleared));
    for (const at of [0, 1, 2]) accepted(await request(user, vault, 'k', { at }));
    assert.equal((await request(user, vault, 'other')).code, 20016);

    const { messages } = await user.fetch({ order: 'ASC' });
    assert.deepEqual(messages.map((m) => [m.type, m.body.kid]), [['p', 'other'], ['c', 'k']]);
    assert.equal((await by(user, vault.address, messages[1].msg)).type, 'c');
  });

  it('addressed to the vault itself revokes for everyone', async () => {
    const { vault, user } = await vaultAndUser();
    const { user: second } = await vaultAndUser();
    for (const holder of [user, second]) accepted(await publish(vault, holder, 'k', secret));

    const cleared = await vault.send('c', vault.address, { kid: 'k' });
    assert.equal(cleared.code, 20024, JSON.stringify(cleared));
    assert.match(JSON.stringify(cleared.body), /\b2\b/, 'the body says how many');
    for (const holder of [user, second]) {
      accepted(await request(holder, vault, 'k', { at: 1 }));
      assert.deepEqual((await holder.fetch()).messages.map((m) => m.type), ['c']);
    }
  });

  it('without a package id takes everything that the vault has cached for the one', async () => {
    const { vault, user } = await vaultAndUser();
    const { user: second } = await vaultAndUser();
    for (const kid of ['a', 'b']) accepted(await publish(vault, user, kid, secret));
    accepted(await publish(vault, second, 'a', secret));
    assert.equal((await vault.send('c', user.address, {})).code, 20024);
    for (const kid of ['a', 'b']) accepted(await request(user, vault, kid));
    assert.equal((await request(second, vault, 'a')).code, 20016);
  });
});
