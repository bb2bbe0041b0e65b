// The WebSocket of section 6, as a browser opens it.

import assert from 'node:assert/strict';
import { bearerToken } from './credentials.js';
import { appKey } from './env.js';
import { read } from './identity.js';

const PATH = '/v1/messages/ws';

export class Socket {
  closed = null;
  #messages = [];
  #answers = new Map();
  #wakers = new Set();
  #refs = 0;

  /** Opens a socket at the identity's node. Browsers have no header, so the key comes as a subprotocol. */
  static async open(who, { key = appKey, init } = {}) {
    const socket = new Socket();
    socket.who = who;
    const url = who.url.replace(/^http/, 'ws') + PATH;
    const ws = new WebSocket(url, init ?? ['nix.v1', `nix.bearer.${await bearerToken(key)}`]);
    socket.ws = ws;
    ws.addEventListener('message', ({ data }) => socket.#take(data));
    ws.addEventListener('close', ({ code, reason }) => {
      socket.closed = { code, reason };
      socket.#wake();
    });
    await new Promise((resolve, reject) => {
      ws.addEventListener('open', resolve, { once: true });
      ws.addEventListener('close', () => reject(new Error('refused')), { once: true });
      ws.addEventListener('error', () => reject(new Error('refused')), { once: true });
    });
    return socket;
  }

  #take(data) {
    assert.equal(typeof data, 'string', 'frames are text');
    const frame = JSON.parse(data);
    if (frame.msg !== undefined && frame.ts !== undefined) this.#messages.push(read(frame));
    else this.#answers.set(frame.ref, frame);
    this.#wake();
  }

  #wake() {
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }

  /** Waits until `ready` gives something other than undefined. */
  async until(ready, within = 15_000) {
    const deadline = Date.now() + within;
    for (;;) {
      const found = ready();
      if (found !== undefined) return found;
      assert.ok(!this.closed, `closed: ${JSON.stringify(this.closed)}`);
      await this.#change(deadline - Date.now());
    }
  }

  #change(left) {
    if (left <= 0) throw new Error('nothing came in time');
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, left);
      this.#wakers.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Sends a frame as it is. */
  raw(frame) {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Sends an operation and gives the envelope with its ref. */
  async ask(op, fields = {}) {
    const ref = `r${++this.#refs}`;
    this.raw({ op, ref, ...fields });
    const answer = await this.until(() => this.#answers.get(ref));
    assert.ok(Number.isInteger(answer.status) && Number.isInteger(answer.code), JSON.stringify(answer));
    assert.match(answer.txnID, /^\d{19}-\d{1,10}$/);
    return answer;
  }

  /** Starts the mailbox's stream; `listen` has no answer but the messages. */
  async listen(claims) {
    this.raw({ op: 'listen', jwt: await this.who.proof(PATH, claims) });
  }

  async ack(claims) {
    return this.ask('ack', { jwt: await this.who.proof(PATH, claims) });
  }

  next(within) {
    return this.until(() => this.#messages.shift(), within);
  }

  /** The close code of the server, once it has closed. */
  async end(within = 15_000) {
    const deadline = Date.now() + within;
    while (!this.closed) await this.#change(deadline - Date.now());
    return this.closed.code;
  }

  async close() {
    this.ws.close();
    await this.end();
  }
}
