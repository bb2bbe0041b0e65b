package cluster

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// An entry of the log is a pack: the proposals of one node that waited
// together. The answer to a pack is a pack of results. docs/format/entry.md
// describes the bytes.
const (
	packVersion  byte = 1
	packOverhead      = 1 + 4 + 4 // version, count, checksum
	itemOverhead      = 4         // length
)

// MaxEntry is the longest entry of the log, in bytes.
const MaxEntry = 1 << 20

// MaxProposal is the longest proposal, in bytes: it fills an entry alone.
const MaxProposal = MaxEntry - packOverhead - itemOverhead

// errBadPack says that bytes are no pack. In the log it stops the node.
var errBadPack = fmt.Errorf("%w: entry", ErrCorrupt)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodePack makes a pack of items, in order.
func encodePack(items [][]byte) []byte {
	size := packOverhead
	for _, item := range items {
		size += itemOverhead + len(item)
	}
	b := make([]byte, 0, size)
	b = append(b, packVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(items)))
	for _, item := range items {
		b = binary.BigEndian.AppendUint32(b, uint32(len(item)))
		b = append(b, item...)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodePack reads exactly what encodePack makes. The items share b's memory.
func decodePack(b []byte) ([][]byte, error) {
	if len(b) < packOverhead || b[0] != packVersion {
		return nil, errBadPack
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, fmt.Errorf("%w: checksum", errBadPack)
	}
	count, rest := uint64(binary.BigEndian.Uint32(body[1:])), body[5:]
	if count > uint64(len(rest)/itemOverhead) { // before memory is set aside for it
		return nil, errBadPack
	}
	items := make([][]byte, 0, count)
	for range count {
		if len(rest) < itemOverhead {
			return nil, errBadPack
		}
		n := uint64(binary.BigEndian.Uint32(rest))
		rest = rest[itemOverhead:]
		if n > uint64(len(rest)) {
			return nil, errBadPack
		}
		items, rest = append(items, rest[:n:n]), rest[n:]
	}
	if len(rest) > 0 {
		return nil, errBadPack
	}
	return items, nil
}
