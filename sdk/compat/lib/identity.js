// An identity as the SDK holds one: two private keys, an address, and the node it talks to.

import { CompactSign, importJWK } from 'jose';
import { appKey, node } from './env.js';
import { basic } from './credentials.js';
import { call, expect } from './http.js';
import { local, newKey, padded, short } from './keys.js';

const utf8 = new TextEncoder();
const seconds = () => Math.floor(Date.now() / 1000);

let parties = 0;
let messages = 0;

/** A JWS by the signing key `key` over the text or object `payload` (section 4). */
export async function sign(key, kid, payload, header = {}) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return new CompactSign(utf8.encode(text))
    .setProtectedHeader({ alg: 'ES256', kid, ...header })
    .sign(await importJWK(key.privateJwk, 'ES256'));
}

export class Identity {
  /** Not registered yet. Every new one talks to the next node of the cluster. */
  static async create({ type = 'user', key = appKey } = {}) {
    const who = new Identity();
    who.type = type;
    who.sigKey = await newKey('sig');
    who.encKey = await newKey('enc');
    who.auth = basic(key);
    who.url = node(parties++);
    who.address = '';
    return who;
  }

  static async register(options) {
    const who = await Identity.create(options);
    who.registered = expect(await who.post('/v1/identity', await who.registration()), 200, 20011).body;
    who.address = who.registered.address;
    return who;
  }

  /** The body of `POST /v1/identity`. The address is not known yet, so each kid is `/<key id>`. */
  async registration() {
    const path = '/v1/identity';
    return {
      sigPubKey: this.sigKey.publicJwk,
      encPubKey: await this.token(path, 'encPubKey', this.encKey.publicJwk),
      metaPublic: await this.token(path, 'metaPublic', { identityType: this.type }),
      metaPrivate: await this.token(path, 'metaPrivate', {}),
    };
  }

  post(path, body) {
    return call(this.url, this.auth, 'POST', path, body);
  }

  get(path) {
    return call(this.url, this.auth, 'GET', path);
  }

  /** A token bound to its place by `tgt`, with the padded key id. */
  token(path, field, payload, key = this.sigKey) {
    return sign(key, `${this.address}/${padded(key.id)}`, payload, {
      tgt: `${path}#${field}`,
      iat: seconds(),
    });
  }

  /** "It is me, now", and what is asked, as further claims. `aud` is the host name of the URL. */
  proof(path, claims = {}, field = 'jwt') {
    const now = seconds();
    return this.token(path, field, {
      iss: this.address,
      sub: this.address,
      aud: new URL(this.url).hostname,
      iat: now,
      nbf: now - 60,
      exp: now + 300,
      jti: crypto.randomUUID(),
      ...claims,
    });
  }

  /** A call whose body is nothing but that proof. */
  async ask(path, claims) {
    return this.post(path, { jwt: await this.proof(path, claims) });
  }

  /** A message token and its id, `<seconds>.<counter>`; addresses have no host, key ids 8 characters. */
  async message(type, dst, body, { id = `${seconds()}.${++messages}`, ttl = 3600 } = {}) {
    const payload = { type, id, dst: local(dst), exp: seconds() + ttl, body };
    return { id, token: await sign(this.sigKey, `${local(this.address)}/${short(this.sigKey.id)}`, payload) };
  }

  /** Sends message tokens and gives the envelope, whatever it says. */
  sendTokens(tokens, options = {}) {
    return this.post('/v1/messages/send', { msgs: tokens, ...options });
  }

  /** Sends one message and gives its result: `{status, code, id, dst, ts, body?}`, and the token sent. */
  async send(type, dst, body, options = {}) {
    const { id, token } = await this.message(type, dst, body, options);
    const wait = options.wait === undefined ? {} : { wait: options.wait };
    const answer = await this.sendTokens([token], wait);
    const [result] = answer.body ?? [];
    if (!result) throw new Error(`no result in ${JSON.stringify(answer)}`);
    if (result.id !== id) throw new Error(`the result is of ${result.id}, sent was ${id}`);
    return { ...result, token };
  }

  /** One page of the mailbox: the envelope, with each message read. */
  async fetch(claims = {}) {
    const answer = expect(await this.ask('/v1/messages/fetch', claims), 200, 20025);
    return { ...answer, messages: answer.body.map(read) };
  }
}

/** A line of a stream or a page, with the token's payload beside it. */
export function read({ ts, msg }) {
  return { ts, msg, ...payloadOf(msg) };
}

/** The payload of a token, unverified: checking is `verify`'s part. */
export function payloadOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}
