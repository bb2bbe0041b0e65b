import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expect } from '../lib/http.js';
import { accepted, publish, vaultAndUser } from '../lib/parties.js';

describe('the list of cached packages (section 7)', () => {
  const list = async (who, claims) => expect(await who.ask('/v1/packages/list', claims), 200, 20027);

  it('says what is cached for whom, and how often it was served', async () => {
    const { vault, user } = await vaultAndUser();
    for (const kid of ['a', 'b']) accepted(await publish(vault, user, kid, { kid }));
    assert.equal((await user.send('r', vault.address, { kid: 'a' })).code, 20016);

    const [a] = (await list(vault, { kid: 'a' })).body;
    assert.deepEqual([a.kid, a.dst, Number(a.served)], ['a', user.address, 1]);
    for (const field of ['ts', 'exp', 'size', 'lastServed']) assert.ok(field in a, field);
    assert.equal((await list(vault, { dst: user.address })).body.length, 2);
    assert.deepEqual((await list(user)).body ?? [], [], 'it is the own list, not the mailbox');
  });

  it('is without what was cleared, and turns pages', async () => {
    const { vault, user } = await vaultAndUser();
    for (const kid of ['a', 'b', 'c', 'd']) accepted(await publish(vault, user, kid, { kid }));
    assert.equal((await vault.send('c', user.address, { kid: 'b' })).code, 20024);
    const seen = [];
    for (let cursor; ; ) {
      const page = await list(vault, { limit: 2, cursor });
      seen.push(...page.body.map((item) => item.kid));
      if (!page.continue) break;
      cursor = page.last;
    }
    assert.deepEqual(seen.sort(), ['a', 'c', 'd']);
  });
});
