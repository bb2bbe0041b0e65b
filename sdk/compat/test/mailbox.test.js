import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { domain, node } from '../lib/env.js';
import { expect } from '../lib/http.js';
import { Identity } from '../lib/identity.js';
import { accepted, by } from '../lib/parties.js';

/** Two identities, and `count` messages from the one to the other: their results. */
async function correspondence(count) {
  const from = await Identity.register();
  const to = await Identity.register();
  const sent = [];
  for (let i = 0; i < count; i++) sent.push(accepted(await from.send('s', to.address, { n: i })));
  return { from, to, sent };
}

const numbers = (page) => page.messages.map((m) => m.body.n);

describe('send (section 6)', () => {
  it('gives one result a message, in order, with addresses in full', async () => {
    const from = await Identity.register();
    const to = await Identity.register();
    const all = await Promise.all([0, 1, 2].map((n) => from.message('s', to.address, { n })));
    const { body } = expect(await from.sendTokens(all.map((m) => m.token)), 200, 20020);
    assert.deepEqual(body.map((r) => r.id), all.map((m) => m.id));
    body.forEach(accepted);
    body.forEach((r) => assert.equal(r.dst, to.address));
    assert.ok(body[0].ts < body[1].ts && body[1].ts < body[2].ts, 'ts increases');
    const page = await to.fetch({ order: 'ASC' });
    assert.deepEqual(page.messages.map((m) => m.msg), all.map((m) => m.token));
    assert.equal((await by(to, from.address, page.messages[0].msg)).body.n, 0);
  });

  it('stores a message sent twice once, and the same id with other content again', async () => {
    const { from, to } = await correspondence(0);
    const { id, token } = await from.message('s', to.address, { n: 0 });
    const [first] = (await from.sendTokens([token])).body;
    from.url = node(2);
    const [again] = (await from.sendTokens([token])).body;
    assert.deepEqual([again.status, again.code, again.ts], [200, 20023, accepted(first).ts]);
    accepted(await from.send('s', to.address, { n: 1 }, { id }));
    assert.deepEqual(numbers(await to.fetch()), [1, 0]);
  });

  it('lets one bad message spoil no other', async () => {
    const { from, to } = await correspondence(0);
    const stranger = await Identity.create();
    stranger.address = from.address;
    const good = await from.message('s', to.address, { n: 1 });
    const bad = {
      forged: await stranger.message('s', to.address, {}),
      lost: await from.message('s', `i${'A'.repeat(20)}`, {}),
      late: await from.message('s', to.address, {}, { ttl: -60 }),
    };
    const tokens = [bad.forged, bad.lost, bad.late].map((m) => m.token);
    const { body } = expect(await from.sendTokens([...tokens, good.token, 'rubbish']), 200, 20020);
    assert.deepEqual(body.map((r) => r.code).toSpliced(3, 1), [40013, 40401, 40021, 40010]);
    accepted(body[3]);
    assert.deepEqual(numbers(await to.fetch()), [1]);

    const none = await from.sendTokens(tokens);
    expect(none, 401, 40013);
    assert.equal(none.body.length, 3);
  });

  it('takes an empty list, and not more than 256', async () => {
    const { from } = await correspondence(0);
    assert.deepEqual(expect(await from.sendTokens([]), 200, 20020).body ?? [], []);
    expect(await from.sendTokens(Array(257).fill('x')), 400, 40020);
  });
});

describe('fetch (section 6)', () => {
  it('turns pages in both orders, on alternating nodes, while messages arrive', async () => {
    const { from, to } = await correspondence(7);
    for (const order of ['DESC', 'ASC', undefined]) {
      const seen = [];
      let cursor;
      for (let turn = 0; ; turn++) {
        to.url = node(turn);
        const page = await to.fetch({ order, limit: 3, cursor });
        assert.ok(page.messages.length <= 3);
        seen.push(...numbers(page));
        if (!page.continue) break;
        cursor = page.last;
        if (order === 'DESC') accepted(await from.send('s', to.address, { n: 'new' }));
      }
      const old = seen.filter((n) => n !== 'new');
      const want = [0, 1, 2, 3, 4, 5, 6];
      assert.deepEqual(old, order === 'ASC' ? want : want.toReversed());
    }
  });

  it('keeps to the bounds, which are exclusive, and to the filters', async () => {
    const { from, to, sent } = await correspondence(5);
    const other = await Identity.register();
    accepted(await other.send('e', to.address, { n: 'e', kid: 'k' }));

    assert.deepEqual(numbers(await to.fetch({ min: sent[1].ts, max: sent[4].ts })), [3, 2]);
    assert.deepEqual(numbers(await to.fetch({ src: other.address })), ['e']);
    assert.deepEqual(numbers(await to.fetch({ src: from.address, limit: 2 })), [4, 3]);
    assert.deepEqual(numbers(await to.fetch({ type: 'e' })), ['e']);
    assert.deepEqual(numbers(await to.fetch({ kid: 'k' })), ['e']);
  });

  it('shows a mailbox to nobody else', async () => {
    const { to } = await correspondence(1);
    const thief = await Identity.register();
    thief.address = to.address;
    expect(await thief.ask('/v1/messages/fetch'), 401, 40013);
    assert.ok(to.address.endsWith(domain));
  });
});

describe('ack (section 6)', () => {
  it('takes messages away one by one and up to a time, everywhere at once', async () => {
    const { to, sent } = await correspondence(4);
    expect(await to.ask('/v1/messages/ack', { ts: [sent[1].ts] }), 200, 20026);
    to.url = node(0);
    assert.deepEqual(numbers(await to.fetch({ order: 'ASC' })), [0, 2, 3]);
    expect(await to.ask('/v1/messages/ack', { upTo: sent[2].ts }), 200, 20026);
    to.url = node(1);
    assert.deepEqual(numbers(await to.fetch()), [3]);
  });
});
