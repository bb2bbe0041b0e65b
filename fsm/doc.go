// Package fsm is the state machine: it applies the log's commands to a Pebble
// store, one after the other, and gives read views of what came of them.
//
// Promises.
//
//   - Apply is a pure function of state and entries: no clock, randomness,
//     configuration, goroutine, network or map order is in it. Two machines that
//     applied the same entries, in whatever portions and with whatever crashes in
//     between, hold the same state (StateHash) and the same hash chain.
//   - One call of Apply is one batch with the applied index inside. A crash loses
//     whole batches from the end, never part of one, and replay goes on from
//     Applied. The store has no log of its own: the raft log is that.
//   - A command is done completely or not at all, and says so by its status.
//   - The Notifier hears of a change only once a new View shows it.
//   - A View never moves, and outlives a Restore.
//   - What cannot be decoded, and a store that fails or is corrupt, ends the
//     machine (ErrFailed from then on); it never guesses and never goes on.
//
// Apply, Snapshot, Restore, Flush and Close are for one goroutine at a time;
// everything else is for any.
//
// The package does not verify signatures: whoever proposes has done that, and
// says by which key. It re-checks what may have changed since: the API key, the
// signing key, whether the token is new, whether there is room.
package fsm
