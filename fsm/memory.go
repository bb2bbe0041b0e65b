package fsm

import "github.com/cockroachdb/pebble/v2/vfs"

// MemoryFS gives a file system in memory for Options.FS: all is lost with it.
func MemoryFS() vfs.FS { return vfs.NewMem() }
