package raftstore

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/hashicorp/raft"
)

// metaMagic opens a snapshot's description; its last byte is the version.
const metaMagic = "nixsnap\x01"

// maxMeta bounds what is read of a description: a configuration of a thousand
// servers is far below it.
const maxMeta = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// meta describes one snapshot on disk.
type meta struct {
	Index              uint64        `json:"index"`
	Term               uint64        `json:"term"`
	Servers            []raft.Server `json:"servers"`
	ConfigurationIndex uint64        `json:"configuration_index"`
	// Size is the length of the stream in bytes, also of an adopted directory.
	Size int64 `json:"size"`
	// Directory tells an adopted directory from a stream.
	Directory bool `json:"directory"`
	// Sum is the CRC-32C of the stream, of a stream only: an adopted directory
	// is checked by whoever reads its files.
	Sum uint32 `json:"sum,omitempty"`
}

// encodeMeta gives magic, length (4 bytes, big endian), JSON and the CRC-32C
// of all before it.
func encodeMeta(m meta) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("raftstore: %w", err)
	}
	b := []byte(metaMagic)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// decodeMeta reads back what encodeMeta made; anything else is ErrCorrupt.
func decodeMeta(b []byte) (meta, error) {
	const head = len(metaMagic) + 4
	if len(b) < head+4 || string(b[:len(metaMagic)]) != metaMagic {
		return meta{}, fmt.Errorf("%w: snapshot description", ErrCorrupt)
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum ||
		int(binary.BigEndian.Uint32(b[len(metaMagic):])) != len(body)-head {
		return meta{}, fmt.Errorf("%w: snapshot description", ErrCorrupt)
	}
	var m meta
	if err := json.Unmarshal(body[head:], &m); err != nil {
		return meta{}, fmt.Errorf("%w: snapshot description: %w", ErrCorrupt, err)
	}
	if m.Index == 0 || m.Size < 0 {
		return meta{}, fmt.Errorf("%w: snapshot description", ErrCorrupt)
	}
	return m, nil
}

// readMeta reads the description of the snapshot in dir.
func readMeta(fs FS, dir string) (meta, error) {
	f, err := fs.Open(fs.PathJoin(dir, metaName))
	if err != nil {
		return meta{}, fmt.Errorf("%w: snapshot without description: %w", ErrCorrupt, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxMeta))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return meta{}, fmt.Errorf("raftstore: read snapshot description: %w", err)
	}
	return decodeMeta(b)
}

// forRaft gives what raft calls the meta data.
func (m meta) forRaft(id string) *raft.SnapshotMeta {
	return &raft.SnapshotMeta{
		Version:            raft.SnapshotVersionMax,
		ID:                 id,
		Index:              m.Index,
		Term:               m.Term,
		Configuration:      raft.Configuration{Servers: m.Servers},
		ConfigurationIndex: m.ConfigurationIndex,
		Size:               m.Size,
	}
}
