import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { basic } from '../lib/credentials.js';
import { appKey, node, operatorKey } from '../lib/env.js';
import { call, expect } from '../lib/http.js';
import { Identity } from '../lib/identity.js';
import { accepted } from '../lib/parties.js';
import { Lines } from '../lib/stream.js';

/** A customer of its own, so that its event stream holds what this file does and nothing else. */
async function tenant() {
  const make = async (path, body) => {
    const answer = await call(node(0), basic(operatorKey), 'POST', path, body);
    assert.equal(answer.status, 200, JSON.stringify(answer));
    return answer.body;
  };
  const customer = await make('/v1/customer', { name: 'compat' });
  const app = await make(`/v1/customer/${customer.address}/application`, { name: 'compat' });
  const key = (scopes) => make(`/v1/application/${app.address}/key`, { name: scopes.join(), scopes });
  return { customer, app, key: await key(['identity', 'message']), watcher: await key(['event']) };
}

describe('events (section 10)', () => {
  let at;
  let path;
  let vault;
  let user;
  const streams = [];

  const get = async (query = {}, n = 0) => {
    const url = `${path}?${new URLSearchParams(query)}`;
    const answer = await call(node(n), basic(at.watcher), 'GET', url);
    assert.equal(answer.status, 200, JSON.stringify(answer));
    return answer;
  };

  const listen = async (query = {}, headers = {}, n = 0) => {
    const url = `${node(n)}${path}/listen?${new URLSearchParams(query)}`;
    const stream = await Lines.open(url, { headers: { Authorization: basic(at.watcher), ...headers } });
    assert.equal(stream.refused, undefined, JSON.stringify(stream.refused));
    streams.push(stream);
    return stream;
  };

  const something = async () => accepted(await vault.send('s', user.address, { n: 1 }));

  before(async () => {
    at = await tenant();
    path = `/v1/customer/${at.customer.address}/stream/events`;
    vault = await Identity.register({ key: at.key, type: 'vault' });
    user = await Identity.register({ key: at.key });
    accepted(await vault.send('p', user.address, { kid: 'k', jwe: 'a.b.c.d.e' }));
    assert.equal((await user.send('r', vault.address, { kid: 'k' })).code, 20016);
    assert.equal((await vault.send('c', user.address, { kid: 'k' })).code, 20024);
  });

  after(() => Promise.all(streams.map((stream) => stream.close())));

  it('tell of what happened, in order, on every node at once', async () => {
    for (const n of [0, 1, 2]) {
      const { id } = await something();
      const { body } = await get({ order: 'ASC', limit: 100 }, n);
      const told = body.map((event) => event.type);
      const wanted = ['identity.registered', 'package.published', 'package.servedFromCache', 'package.cleared'];
      assert.deepEqual([...new Set(told)].filter((type) => wanted.includes(type)), wanted, String(told));
      assert.equal(body.at(-1).msgID, id);
    }
  });

  it('are metadata, and say who, whom and what', async () => {
    const { body } = await get({ type: 'package.published' });
    assert.equal(body.length, 1);
    const { id, ts, txnID, ...event } = body[0];
    assert.ok(id && /^\d{19}$/.test(ts), `${id} ${ts}`);
    assert.match(txnID, /^\d{19}-\d{1,10}$/);
    assert.deepEqual(
      [event.app, event.key, event.src, event.dst, event.kid],
      [at.app.address, at.key.address, vault.address, user.address, 'k'],
    );
    assert.ok(!JSON.stringify(body).includes('a.b.c.d.e'), 'nothing of the package');
  });

  it('are filtered by each of their parts', async () => {
    const total = (await get({ limit: 100 })).body.length;
    const count = async (query) => (await get({ limit: 100, ...query })).body.length;
    assert.equal(await count({ type: 'identity.registered' }), 2);
    assert.ok((await count({ app: at.app.address })) > 0);
    assert.ok((await count({ key: at.key.address })) >= 5);
    assert.ok((await count({ src: user.address })) < total);
    assert.ok((await count({ dst: user.address })) >= 2);
    assert.ok((await count({ kid: 'k' })) >= 3);
    assert.equal(await count({ kid: 'another' }), 0);
    assert.equal(await count({ code: '20016' }), 1);
  });

  it('turn pages in both orders without a gap or a repeat', async () => {
    for (const order of ['DESC', 'ASC']) {
      const all = (await get({ order, limit: 100 })).body.map((event) => event.id);
      const seen = [];
      for (let cursor, turn = 0; ; turn++) {
        const page = await get({ order, limit: 2, ...(cursor ? { cursor } : {}) }, turn);
        seen.push(...page.body.map((event) => event.id));
        if (!page.continue) break;
        cursor = page.last;
      }
      assert.deepEqual(seen, all);
    }
  });

  it('stream from now on as lines, from any node', async () => {
    const streamed = await Promise.all([0, 1, 2].map((n) => listen({ type: 'message.accepted' }, {}, n)));
    assert.equal(streamed[0].type, 'application/x-ndjson');
    const { id } = await something();
    for (const stream of streamed) assert.equal(JSON.parse(await stream.nextLine()).msgID, id);
  });

  it('stream as server-sent events, and resume after Last-Event-ID', async () => {
    const sse = { Accept: 'text/event-stream' };
    const stream = await listen({ type: 'message.accepted' }, sse, 1);
    assert.match(stream.type, /^text\/event-stream/);
    const first = await something();
    const event = await nextEvent(stream);
    assert.equal(JSON.parse(event.data).msgID, first.id);
    assert.equal(JSON.parse(event.data).id, event.id);
    await stream.close();

    const second = await something();
    const resumed = await listen({ type: 'message.accepted' }, { ...sse, 'Last-Event-ID': event.id }, 2);
    assert.equal(JSON.parse((await nextEvent(resumed)).data).msgID, second.id);
  });

  it('are for the customer alone, and need the scope', async () => {
    expect(await call(node(0), basic(appKey), 'GET', path), 403, 40300);
    const other = await tenant();
    const answer = await call(node(0), basic(other.watcher), 'GET', path);
    assert.ok([403, 404].includes(answer.status), JSON.stringify(answer));
  });
});

/** One server-sent event: its fields, by name. Comments and empty events are keep-alives. */
async function nextEvent(stream) {
  const event = {};
  for (;;) {
    const line = await stream.nextLine();
    if (line === '' && event.data !== undefined) return event;
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name) event[name] = value;
  }
}
