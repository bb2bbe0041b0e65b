// The listen stream: JSON lines, spaces as keep-alives, and how it ends (section 6).

import assert from 'node:assert/strict';
import { envelope } from './http.js';
import { read } from './identity.js';

/** Thrown by `next` at the end of a stream; `line` is the server's reason, if it gave one. */
export class StreamEnd extends Error {
  constructor(line, brokenOff) {
    super(`stream ended: ${JSON.stringify(line)}`);
    this.line = line;
    this.brokenOff = brokenOff;
  }
}

/** NDJSON over a response that does not end by itself. */
export class Lines {
  keepAlives = 0;
  #lines = [];
  #rest = '';
  #end = null;
  #abort = new AbortController();
  #changed = resolvers();

  /** Opens the stream; an error before the first line is a complete envelope, and is given instead. */
  static async open(url, init) {
    const lines = new Lines();
    const response = await fetch(url, { ...init, signal: lines.#abort.signal });
    const type = response.headers.get('Content-Type') ?? '';
    if (response.status !== 200 || type.startsWith('application/json')) {
      return { refused: await envelope(response) };
    }
    assert.equal(response.headers.get('Access-Control-Allow-Origin'), '*', 'CORS on streams too');
    lines.type = type;
    lines.pumped = lines.#pump(response.body);
    return lines;
  }

  async #pump(body) {
    let brokenOff = false;
    try {
      for await (const chunk of body) this.#take(chunk);
    } catch {
      brokenOff = true;
    }
    this.#end = { brokenOff };
    this.#wake();
  }

  #take(chunk) {
    assert.ok(chunk.every((byte) => byte < 0x80), 'the body of a stream is ASCII');
    this.#rest += Buffer.from(chunk).toString('latin1');
    const parts = this.#rest.split('\n');
    this.#rest = parts.pop();
    this.#lines.push(...parts);
    if (/^ +$/.test(this.#rest)) {
      this.keepAlives += this.#rest.length;
      this.#rest = '';
    }
    this.#wake();
  }

  #wake() {
    this.#changed.resolve();
    this.#changed = resolvers();
  }

  /** Waits until `ready` holds or the stream has ended. */
  async until(ready, within = 15_000) {
    const late = resolvers();
    const timer = setTimeout(() => late.reject(new Error(`nothing within ${within} ms`)), within);
    try {
      while (!ready() && !this.#end) await Promise.race([this.#changed.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next line as it came. */
  async nextLine(within) {
    await this.until(() => this.#lines.length > 0, within);
    const line = this.#lines.shift();
    if (line === undefined) throw new StreamEnd(null, this.#end.brokenOff);
    return line;
  }

  /** Leaves, and waits until nothing is read any more. */
  async close() {
    this.#abort.abort();
    await this.pumped;
  }
}

/** A mailbox's stream. */
export class Listening {
  constructor(lines) {
    this.lines = lines;
  }

  /** Opens `POST /v1/messages/listen`, at the identity's own node or at `url`. */
  static async open(who, claims = {}, { url = who.url, auth = who.auth } = {}) {
    const path = '/v1/messages/listen';
    const lines = await Lines.open(url + path, {
      method: 'POST',
      headers: { Authorization: auth },
      body: JSON.stringify({ jwt: await who.proof(path, claims) }),
    });
    if (lines.refused) throw new Error(`refused: ${JSON.stringify(lines.refused)}`);
    assert.equal(lines.type, 'application/x-ndjson');
    return new Listening(lines);
  }

  /** The next message, or StreamEnd with the server's last line. */
  async next(within) {
    const line = JSON.parse(await this.lines.nextLine(within));
    if (line.msg !== undefined) return read(line);
    const end = await this.lines.nextLine(within).catch((err) => err);
    assert.ok(end instanceof StreamEnd, `nothing comes after the last line: ${end}`);
    throw new StreamEnd(line, end.brokenOff);
  }

  close() {
    return this.lines.close();
  }
}

function resolvers() {
  const it = {};
  it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }));
  it.promise.catch(() => {}); // a deadline that nobody waits for any more is no error
  return it;
}
