// The server under test, from the environment, as `nixnode dev --env-file` writes it.

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: see README.md`);
  return value;
}

/** The URLs of the cluster's nodes, one to three. */
export const urls = ['', '_2', '_3'].map((n) => process.env[`NIXNODE_URL${n}`]).filter(Boolean);
if (urls.length === 0) need('NIXNODE_URL');

/** The URL of node n; where there are fewer nodes, one of them. */
export const node = (n) => urls[n % urls.length];

/** An API key with the default scopes, and the operator's. */
export const appKey = { address: need('NIXNODE_KEY_ID'), secret: need('NIXNODE_KEY_SECRET') };
export const operatorKey = {
  address: need('NIXNODE_OPERATOR_KEY_ID'),
  secret: need('NIXNODE_OPERATOR_KEY_SECRET'),
};

/** The cluster's own domain (section 1): what stands behind the @ of every address. */
export const domain = appKey.address.split('@')[1];
