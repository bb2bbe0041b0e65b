// Content packages: a JWE for the recipient alone, and who signed the message around it.

import { CompactEncrypt, compactDecrypt, compactVerify, importJWK } from 'jose';

/** Encrypts to `jwk`, the public key that the identity's verified `encPubKey` token holds. */
export async function encrypt(content, alg, jwk, kid) {
  return new CompactEncrypt(Buffer.from(JSON.stringify(content)))
    .setProtectedHeader({ alg, enc: 'A256GCM', kid })
    .encrypt(await importJWK(jwk, alg));
}

/** Opens a package with our own key, and refuses every algorithm but the two of the page. */
export async function decrypt(jwe, key) {
  const { plaintext } = await compactDecrypt(jwe, (header) => importJWK(key.privateJwk, header.alg), {
    keyManagementAlgorithms: ['ECDH-ES', 'ECDH-ES+A256KW'],
    contentEncryptionAlgorithms: ['A256GCM'],
  });
  return JSON.parse(Buffer.from(plaintext));
}

/** Checks a token against a signing key and gives its header and payload. */
export async function verify(token, sigPubKey) {
  const { payload, protectedHeader } = await compactVerify(token, await importJWK(sigPubKey, 'ES256'), {
    algorithms: ['ES256'],
  });
  return { header: protectedHeader, payload: JSON.parse(Buffer.from(payload)) };
}

/**
 * What a stranger may believe of an identity: root → chain → current key, and the encryption key
 * signed by one of them. `encPubKey` is by the key that was current when it was set.
 */
export async function trust(identity) {
  let current = identity.sigRoot;
  const known = [current];
  for (const link of identity.sigChain) {
    current = (await verify(link, current)).payload;
    known.push(current);
  }
  if (current.x !== identity.sigPubKey.x || current.y !== identity.sigPubKey.y) {
    throw new Error('the chain does not end at the current key');
  }
  for (const key of known.reverse()) {
    const token = await verify(identity.encPubKey, key).catch(() => null);
    if (token) return { sigPubKey: current, encPubKey: token.payload };
  }
  throw new Error('the encryption key is signed by none of the keys');
}
