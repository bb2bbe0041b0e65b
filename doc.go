// Package nixnode is the tour of NiX node, an open server for governing access
// to shared data: identities exchange end-to-end-encrypted content packages
// through it, and no operator sees inside them.
//
// Follow a request from the door to the cellar. Package httpapi is the door;
// relay is what a node does for its users; cluster agrees with the other nodes
// and finds them; fsm applies what was agreed to the store. On the way back up,
// notify is the bell that wakes whoever listens. The words that all of them
// speak are leaves without behaviour: address, api, jose, message, fsm/command,
// fsm/keyspace. Package node wires it together, and cmd/nixnode is the binary.
//
// Package client is the Go SDK. testcluster starts real nodes for tests, and
// bench measures them.
//
// arch_test.go holds who may import whom. docs/architecture.md has the whole
// picture.
package nixnode
