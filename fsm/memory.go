package fsm

import "github.com/cockroachdb/pebble/v2/vfs"

// MemoryFS gives an empty file system in memory, for a machine that forgets
// everything with the process. No other package needs to know Pebble for that.
func MemoryFS() vfs.FS { return vfs.NewMem() }
