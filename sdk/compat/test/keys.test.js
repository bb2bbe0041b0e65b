import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { basic, bearer } from '../lib/credentials.js';
import { appKey, node, operatorKey } from '../lib/env.js';
import { call, expect } from '../lib/http.js';

const operator = async (method, path, body, n = 0) => {
  const answer = await call(node(n), basic(operatorKey), method, path, body);
  assert.equal(answer.status, 200, JSON.stringify(answer));
  return answer.body;
};

/** What the door says to the key, at every node at once. */
async function atEveryDoor(key, status, code) {
  for (const n of [0, 1, 2]) {
    for (const auth of [basic(key), await bearer(key)]) {
      expect(await call(node(n), auth, 'POST', '/v1/messages/send', { msgs: [] }), status, code);
    }
  }
}

describe('customers, applications and keys (section 9)', () => {
  let customer;
  let app;
  const newKey = () => operator('POST', `/v1/application/${app.address}/key`, {
    name: 'k',
    scopes: ['identity', 'message'],
  });

  before(async () => {
    customer = await operator('POST', '/v1/customer', { name: 'compat' });
    app = await operator('POST', `/v1/customer/${customer.address}/application`, { name: 'compat' });
  });

  it('have addresses of their own letters, and are found by them on every node', async () => {
    const key = await newKey();
    for (const [thing, letter, path] of [[customer, 'c', 'customer'], [app, 'p', 'application'], [key, 'a', 'key']]) {
      assert.equal(thing.address[0], letter);
      for (const n of [0, 1, 2]) {
        assert.equal((await operator('GET', `/v1/${path}/${thing.address}`, undefined, n)).address, thing.address);
      }
    }
  });

  it('show a secret once, and in no list', async () => {
    const key = await newKey();
    const lists = [
      await operator('GET', `/v1/application/${app.address}/key`),
      await operator('GET', `/v1/key/${key.address}`),
    ];
    assert.ok(JSON.stringify(lists).includes(key.address));
    assert.ok(!JSON.stringify(lists).includes(key.secret));
    await atEveryDoor(key, 200, 20020);
  });

  it('shut a disabled key out before the answer, and let it in again', async () => {
    const key = await newKey();
    await operator('PATCH', `/v1/key/${key.address}`, { enabled: false });
    await atEveryDoor(key, 401, 40102);
    await operator('PATCH', `/v1/key/${key.address}`, { enabled: true }, 1);
    await atEveryDoor(key, 200, 20020);
  });

  it('shut out the keys of a disabled application or customer', async () => {
    const key = await newKey();
    for (const path of [`/v1/application/${app.address}`, `/v1/customer/${customer.address}`]) {
      await operator('PATCH', path, { enabled: false }, 1);
      await atEveryDoor(key, 401, 40104);
      await operator('PATCH', path, { enabled: true }, 2);
      await atEveryDoor(key, 200, 20020);
    }
  });

  it('give a rotated key another secret, and forget a deleted one', async () => {
    const key = await newKey();
    const { secret } = await operator('POST', `/v1/key/${key.address}/rotate`, {});
    assert.notEqual(secret, key.secret);
    await atEveryDoor({ ...key, secret }, 200, 20020);
    await operator('DELETE', `/v1/key/${key.address}`);
    await atEveryDoor({ ...key, secret }, 401, 40101);
  });

  it('are out of reach of a key without the scope', async () => {
    for (const path of [`/v1/customer/${customer.address}`, `/v1/application/${app.address}/key`]) {
      expect(await call(node(0), basic(appKey), 'GET', path), 403, 40300);
    }
  });
});
