import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { node, operatorKey } from '../lib/env.js';
import { basic } from '../lib/credentials.js';
import { call, expect } from '../lib/http.js';
import { Identity } from '../lib/identity.js';
import { accepted } from '../lib/parties.js';
import { Listening, StreamEnd } from '../lib/stream.js';

async function pair() {
  return { from: await Identity.register(), to: await Identity.register() };
}

describe('the stream (section 6)', { concurrency: true }, () => {
  it('gives the cached messages, oldest first, and then the live ones', async () => {
    const { from, to } = await pair();
    for (const n of [0, 1]) accepted(await from.send('s', to.address, { n }));
    const stream = await Listening.open(to);
    for (const n of [0, 1]) assert.equal((await stream.next()).body.n, n);
    for (const n of [2, 3, 4]) {
      from.url = node(n);
      const sent = accepted(await from.send('s', to.address, { n }));
      const got = await stream.next();
      assert.deepEqual([got.ts, got.msg], [sent.ts, sent.token]);
    }
    await stream.close();
  });

  it('starts above min, or with the newest of limit', async () => {
    const { from, to } = await pair();
    const sent = [];
    for (const n of [0, 1, 2]) sent.push(accepted(await from.send('s', to.address, { n })));
    for (const claims of [{ min: sent[1].ts }, { limit: 1 }]) {
      const stream = await Listening.open(to, claims);
      assert.equal((await stream.next()).body.n, 2);
      await stream.close();
    }
    const newestFirst = await Listening.open(to, { order: 'DESC' });
    for (const n of [2, 1, 0]) assert.equal((await newestFirst.next()).body.n, n);
    await newestFirst.close();
  });

  it('opens at once though there is nothing to say, and keeps alive with spaces', async () => {
    const { from, to } = await pair();
    const stream = await Listening.open(to);
    await stream.lines.until(() => stream.lines.keepAlives > 0, 25_000);
    assert.equal(stream.lines.keepAlives, 1);
    accepted(await from.send('s', to.address, { n: 'after' }));
    assert.equal((await stream.next()).body.n, 'after');
    await stream.close();
  });

  it('goes on beside another of the same identity, with the same jti, on any node', async () => {
    const { from, to } = await pair();
    const streams = [];
    for (const n of [0, 1, 2, 0]) {
      streams.push(await Listening.open(to, { jti: 'the-same' }, { url: node(n) }));
    }
    const sent = accepted(await from.send('s', to.address, { n: 1 }));
    for (const stream of streams) assert.equal((await stream.next()).ts, sent.ts);
    await Promise.all(streams.map((stream) => stream.close()));
  });

  it('tells the sender that somebody listens, on whichever node', async () => {
    const { from, to } = await pair();
    assert.equal((await from.send('s', to.address, { n: 0 })).code, 20022);
    const stream = await Listening.open(to, {}, { url: node(2) });
    const deadline = Date.now() + 10_000;
    let code;
    while (code !== 20021 && Date.now() < deadline) {
      ({ code } = accepted(await from.send('s', to.address, { n: 1 })));
      if (code !== 20021) await pause(50);
    }
    assert.equal(code, 20021);
    await stream.close();
  });

  it('filters', async () => {
    const { from, to } = await pair();
    const stream = await Listening.open(to, { type: 'e' });
    accepted(await from.send('s', to.address, { n: 0 }));
    accepted(await from.send('e', to.address, { n: 1 }));
    assert.equal((await stream.next()).body.n, 1);
    await stream.close();
  });

  it('refuses with a complete envelope', async () => {
    const { to } = await pair();
    to.sigKey = (await Identity.create()).sigKey;
    await assert.rejects(Listening.open(to), /40013/);
  });

  it('ends with its reason when the key is disabled, and resumes with min', async () => {
    const { from, to } = await pair();
    const operator = (method, path, body) => call(node(0), basic(operatorKey), method, path, body);
    const app = to.registered.metaPublic.appAddress;
    const made = await operator('POST', `/v1/application/${app}/key`, {
      name: 'to be disabled',
      scopes: ['identity', 'message'],
    });
    assert.equal(made.status, 200, JSON.stringify(made));
    const key = made.body;
    const auth = basic(key);

    const stream = await Listening.open(to, {}, { url: node(1), auth });
    const first = accepted(await from.send('s', to.address, { n: 1 }));
    assert.equal((await stream.next()).ts, first.ts);

    const disabled = await operator('PATCH', `/v1/key/${key.address}`, { enabled: false });
    assert.equal(disabled.status, 200, JSON.stringify(disabled));
    for (const n of [0, 1, 2]) {
      expect(await call(node(n), auth, 'GET', `/v1/identity/${to.address}`), 401, 40102);
    }
    const end = await stream.next(5_000).catch((err) => err);
    assert.ok(end instanceof StreamEnd, String(end));
    assert.deepEqual([end.line?.code, typeof end.line?.err], [40102, 'string']);
    assert.ok(end.line.status >= 400);
    assert.ok(end.brokenOff, 'the body is broken off, not finished');

    const second = accepted(await from.send('s', to.address, { n: 2 }));
    const resumed = await Listening.open(to, { min: first.ts }, { url: node(2) });
    assert.equal((await resumed.next()).ts, second.ts);
    await resumed.close();
  });
});
