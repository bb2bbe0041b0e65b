import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expect } from '../lib/http.js';
import { Identity } from '../lib/identity.js';
import { local } from '../lib/keys.js';
import { accepted, publish } from '../lib/parties.js';
import { Listening } from '../lib/stream.js';

const PATH = '/v1/identity/me/members';

async function setMembers(route, members) {
  const list = members.map((member) => local(member.address));
  return route.post(PATH, { members: await route.token(PATH, 'members', list) });
}

async function routeOfTwo() {
  const route = await Identity.register({ type: 'route' });
  const members = [await Identity.register({ type: 'vault' }), await Identity.register({ type: 'vault' })];
  expect(await setMembers(route, members), 200, 20019);
  return { route, members, user: await Identity.register() };
}

describe('routes (section 8)', () => {
  it('bring what is sent to them to every member, once, and any may answer as itself', async () => {
    const { route, members, user } = await routeOfTwo();
    const streams = await Promise.all(members.map((member) => Listening.open(member)));
    accepted(await user.send('r', route.address, { kid: 'k', noCache: true }));
    for (const stream of streams) {
      const asked = await stream.next();
      assert.deepEqual([asked.type, asked.dst], ['r', local(route.address)]);
    }
    const [asked] = (await members[0].fetch()).messages;
    accepted(await publish(members[1], user, 'k', { open: true }, { respTo: asked.id }));
    assert.deepEqual((await user.fetch()).messages.map((m) => m.body.respTo), [asked.id]);

    for (const member of members) assert.equal((await member.fetch()).messages.length, 1);
    await Promise.all(streams.map((stream) => stream.close()));
  });

  it('answer from the cache of a member', async () => {
    const { route, members, user } = await routeOfTwo();
    accepted(await publish(members[1], user, 'k', { open: true }));
    assert.equal((await user.send('r', route.address, { kid: 'k' })).code, 20016);
    accepted(await user.send('r', members[0].address, { kid: 'k' }));
  });

  it('show a removed member nothing that is sent later', async () => {
    const { route, members, user } = await routeOfTwo();
    expect(await setMembers(route, [members[0]]), 200, 20019);
    accepted(await user.send('s', route.address, { n: 1 }));
    assert.equal((await members[0].fetch()).messages.length, 1);
    assert.equal((await members[1].fetch()).messages.length, 0);
  });
});
