package node

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nixnode/nixnode/internal/strictjson"
)

// ErrOtherNode: the data directory belongs to another node, domain or cluster
// than the configuration says.
var ErrOtherNode = errors.New("data directory is another's")

// identityName is the file in the data directory that says whose it is
// (docs/operations.md).
const identityName = "node.json"

// labelCheck derives what tells whether a cluster key is the one of before. It
// shows nothing of the key.
const labelCheck = "nixnode/v1 cluster key check"

// identity is what a data directory was made for. A node that took another's
// would vote twice in one election, or serve the addresses of one domain under
// the name of another.
type identity struct {
	Version  int    `json:"version"`
	NodeID   string `json:"node_id"`
	Domain   string `json:"domain"`
	KeyCheck string `json:"cluster_key_check"`
}

const identityVersion = 1

func newIdentity(cfg Config, key ClusterKey) (identity, error) {
	check, err := hkdf.Key(sha256.New, key.raw[:], nil, labelCheck, 16)
	if err != nil {
		return identity{}, err
	}
	return identity{Version: identityVersion, NodeID: cfg.NodeID, Domain: cfg.Domain, KeyCheck: hex.EncodeToString(check)}, nil
}

// readIdentity gives what the directory says, and false when it says nothing yet.
func readIdentity(dir string) (id identity, known bool, err error) {
	path := filepath.Join(dir, identityName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return identity{}, false, nil
	}
	if err == nil {
		err = strictjson.Unmarshal(data, &id)
	}
	if err == nil && id.Version != identityVersion {
		err = fmt.Errorf("version %d is not known", id.Version)
	}
	if err != nil {
		return identity{}, false, fmt.Errorf("%s: %w", path, err)
	}
	return id, true, nil
}

// check reports all that id, as the configuration has it, differs in from what
// the directory was made for. Errors: ErrOtherNode.
func (id identity) check(was identity) error {
	var faults []error
	for _, f := range []struct{ setting, was, is string }{
		{"node_id", was.NodeID, id.NodeID},
		{"domain", was.Domain, id.Domain},
		{"cluster_key_file", was.KeyCheck, id.KeyCheck},
	} {
		switch {
		case f.was == f.is:
		case f.setting == "cluster_key_file":
			faults = append(faults, errors.New("cluster_key_file: it holds another cluster key than when this data was begun"))
		default:
			faults = append(faults, fmt.Errorf("%s: it is of %q, the configuration says %q", f.setting, f.was, f.is))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrOtherNode, errors.Join(faults...))
}

// write makes the file durable, whole or not at all.
func (id identity) write(dir string) error {
	data, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, identityName)
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
