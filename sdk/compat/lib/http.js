// One call, and the envelope that every answer is (section 2).

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

const FIELDS = new Set(['status', 'code', 'err', 'msg', 'txnID', 'first', 'last', 'continue', 'body']);

// How long a call is tried again while the cluster has no leader or is busy.
const PATIENCE_MS = 15_000;

/**
 * Makes one call and gives its envelope, checked for form. A 503, or a 504 with the
 * outcome unknown, is answered by sending the very same bytes again (section 12).
 */
export async function call(url, auth, method, path, body) {
  const request = {
    method,
    redirect: 'error', // no redirects, ever
    headers: auth ? { Authorization: auth } : {},
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(90_000),
  };
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const response = await fetch(url + path, request);
    const answer = await envelope(response);
    const again = answer.status === 503 || answer.code === 50400;
    if (!again || Date.now() > deadline) return answer;
    if (answer.status === 503) assert.ok(response.headers.get('Retry-After'), '503 carries Retry-After');
    await pause(Math.min(1_000 * Number(response.headers.get('Retry-After') ?? 1), 2_000));
  }
}

/** Reads the answer and checks it against section 2. */
export async function envelope(response) {
  const text = await response.text();
  const answer = JSON.parse(text);
  assert.equal(response.headers.get('Access-Control-Allow-Origin'), '*', 'CORS on every response');
  assert.equal(answer.status, response.status, `status in ${text}`);
  assert.ok(Number.isInteger(answer.code), `code in ${text}`);
  assert.match(answer.txnID, /^\d{19}-\d{1,10}$/, `txnID in ${text}`);
  const failed = answer.status >= 400;
  assert.equal(typeof answer.err, failed ? 'string' : 'undefined', `err in ${text}`);
  assert.equal(typeof answer.msg, failed ? 'undefined' : 'string', `msg in ${text}`);
  for (const [field, value] of Object.entries(answer)) {
    assert.ok(FIELDS.has(field), `no field ${field} in an envelope`);
    assert.notEqual(value, null, `${field} is absent, not null`);
  }
  return answer;
}

/** Fails with the whole answer unless it is the one that the page promises. */
export function expect(answer, status, code) {
  assert.deepEqual([answer.status, answer.code], [status, code], JSON.stringify(answer));
  return answer;
}
