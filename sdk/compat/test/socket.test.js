import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { basic } from '../lib/credentials.js';
import { node, operatorKey } from '../lib/env.js';
import { call, expect } from '../lib/http.js';
import { Identity } from '../lib/identity.js';
import { accepted } from '../lib/parties.js';
import { Socket } from '../lib/socket.js';

async function pair() {
  return { from: await Identity.register(), to: await Identity.register() };
}

describe('the WebSocket (section 6)', () => {
  it('takes the key as a browser gives it, and selects nix.v1', async () => {
    const { to } = await pair();
    const socket = await Socket.open(to);
    assert.equal(socket.ws.protocol, 'nix.v1');
    await socket.close();
  });

  it('takes the Authorization header', async () => {
    const { to } = await pair();
    const socket = await Socket.open(to, { init: { headers: { Authorization: to.auth } } });
    assert.equal((await socket.ask('ping')).status, 200);
    await socket.close();
  });

  it('refuses a key that does not verify, and a plain GET, with an envelope', async () => {
    const { to } = await pair();
    const key = { ...operatorKey, secret: Buffer.alloc(32, 7).toString('base64') };
    await assert.rejects(Socket.open(to, { key }), /refused/);
    expect(await call(node(0), undefined, 'GET', '/v1/messages/ws'), 401, 40100);
    assert.equal((await call(node(0), to.auth, 'GET', '/v1/messages/ws')).status, 400);
  });

  it('sends, listens and acknowledges, between two nodes', async () => {
    const { from, to } = await pair();
    const early = accepted(await from.send('s', to.address, { n: 0 }));
    const [sender, listener] = [await Socket.open(from), await Socket.open(to)];
    await listener.listen();
    assert.deepEqual((await listener.next()).msg, early.token);

    const { token } = await from.message('s', to.address, { n: 1 });
    const answer = await sender.ask('send', { msgs: [token] });
    expect(answer, 200, 20020);
    const { ts } = accepted(answer.body[0]);
    const got = await listener.next();
    assert.deepEqual([got.ts, got.msg], [ts, token]);

    expect(await listener.ack({ ts: [ts] }), 200, 20026);
    to.url = node(2);
    assert.deepEqual((await to.fetch()).messages.map((m) => m.ts), [early.ts]);
    await Promise.all([sender.close(), listener.close()]);
  });

  it('waits for the answer to a request', async () => {
    const { from: user, to: vault } = await pair();
    const [asking, serving] = [await Socket.open(user), await Socket.open(vault)];
    await serving.listen();
    const { token } = await user.message('r', vault.address, { kid: 'k' });
    const waiting = asking.ask('send', { msgs: [token], wait: 14 });
    const asked = await serving.next();
    const deny = await vault.message('d', user.address, { kid: 'k', respTo: asked.id });
    expect(await serving.ask('send', { msgs: [deny.token] }), 200, 20020);
    assert.equal((await waiting).body[0].code, 10403);
    await Promise.all([asking.close(), serving.close()]);
  });

  it('answers an operation that it does not know, and goes on', async () => {
    const { to } = await pair();
    const socket = await Socket.open(to);
    assert.equal((await socket.ask('dance')).status, 400);
    assert.equal((await socket.ask('ping')).status, 200);
    await socket.close();
  });

  it('refuses a proof that was made for the other stream', async () => {
    const { to } = await pair();
    const socket = await Socket.open(to);
    const jwt = await to.proof('/v1/messages/listen');
    expect(await socket.ask('listen', { jwt }), 400, 40014);
    await socket.close();
  });

  it('closes with 1009 on a frame that is too big', async () => {
    const { to } = await pair();
    const socket = await Socket.open(to);
    socket.raw(JSON.stringify({ op: 'ping', ref: 'x'.repeat(9 << 20) }));
    assert.equal(await socket.end(), 1009);
  });

  it('closes with 4401 when the key is disabled', async () => {
    const { to } = await pair();
    const operator = (method, path, body) => call(node(0), basic(operatorKey), method, path, body);
    const app = to.registered.metaPublic.appAddress;
    const { body: key } = await operator('POST', `/v1/application/${app}/key`, {
      name: 'to be disabled',
      scopes: ['identity', 'message'],
    });
    const socket = await Socket.open(to, { key });
    await socket.listen();
    assert.equal((await operator('PATCH', `/v1/key/${key.address}`, { enabled: false })).status, 200);
    assert.equal(await socket.end(), 4401);
  });
});
