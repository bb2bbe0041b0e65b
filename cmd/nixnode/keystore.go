package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/strictjson"
)

// keystore is a directory with one file per identity. A file shows the address,
// so that others can be written to by name; the private keys in it are encrypted
// with a passphrase, by age (scrypt, ChaCha20-Poly1305).
type keystore struct {
	dir        string
	passphrase func(confirm bool) (string, error)
	workFactor int // of scrypt, as a power of two
}

// identityFile is an identity on disk. Version 1 stays readable.
type identityFile struct {
	Version int    `json:"v"`
	Name    string `json:"name"`
	Address string `json:"address,omitempty"` // full form; absent until it is registered
	Sealed  string `json:"sealed"`            // client.Identity.Export, encrypted by age, armored
}

const (
	identityFileVersion = 1
	// maxWorkFactor keeps a file that somebody planted from eating the machine.
	maxWorkFactor = 20
	maxFileBytes  = 16 << 20
)

// scryptWorkFactor takes about a second and 256 MiB. It is a variable because
// tests have not got that second.
var scryptWorkFactor = 18

var (
	errNoIdentity      = errors.New("no such identity in the keystore")
	errNoIdentityFile  = errors.New("not the file of an identity")
	errIdentityExists  = errors.New("there is an identity of that name already")
	errWrongPassphrase = errors.New("wrong passphrase, or the file was altered")
	identityName       = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// stored is an identity with the name it has on this machine.
type stored struct {
	name string
	id   *client.Identity
	pass string
}

func (k *keystore) path(name string) (string, error) {
	if !identityName.MatchString(name) {
		return "", usageError{fmt.Errorf("%q is not a name: 1 to 64 of A-Z a-z 0-9 _ -", name)}
	}
	return filepath.Join(k.dir, name+".json"), nil
}

// read reads a file without decrypting it. Errors: errNoIdentity.
func (k *keystore) read(name string) (identityFile, error) {
	path, err := k.path(name)
	if err != nil {
		return identityFile{}, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return identityFile{}, fmt.Errorf("%s: %w", name, errNoIdentity)
	}
	if err != nil {
		return identityFile{}, err
	}
	f, err := parseIdentityFile(data)
	if err != nil || f.Name != name {
		return identityFile{}, fmt.Errorf("%s: %w of that name", path, errNoIdentityFile)
	}
	return f, nil
}

// parseIdentityFile reads a file's content. Errors: errNoIdentityFile.
func parseIdentityFile(data []byte) (identityFile, error) {
	var f identityFile
	if err := strictjson.Unmarshal(data, &f); err != nil {
		return identityFile{}, fmt.Errorf("%w: %w", errNoIdentityFile, err)
	}
	if f.Version != identityFileVersion || !identityName.MatchString(f.Name) {
		return identityFile{}, errNoIdentityFile
	}
	return f, nil
}

// load reads and decrypts an identity. Errors: errNoIdentity, errWrongPassphrase.
func (k *keystore) load(name string) (stored, error) {
	f, err := k.read(name)
	if err != nil {
		return stored{}, err
	}
	pass, err := k.passphrase(false)
	if err != nil {
		return stored{}, err
	}
	plain, err := unseal(f.Sealed, pass)
	if err != nil {
		return stored{}, fmt.Errorf("%s: %w", name, err)
	}
	id, err := client.ImportIdentity(plain)
	if err != nil {
		return stored{}, fmt.Errorf("%s: %w", name, err)
	}
	if id.Full() != f.Address {
		return stored{}, fmt.Errorf("%s: %w: the address outside is not the one inside", name, errWrongPassphrase)
	}
	return stored{name: name, id: id, pass: pass}, nil
}

// save writes an identity in place of what its file held, in one step: whenever
// the program is killed, the file has the old content or the new one.
func (k *keystore) save(s stored) error {
	path, err := k.path(s.name)
	if err != nil {
		return err
	}
	plain, err := s.id.Export()
	if err != nil {
		return err
	}
	sealed, err := seal(plain, s.pass, k.workFactor)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	data, err := json.MarshalIndent(identityFile{
		Version: identityFileVersion, Name: s.name, Address: s.id.Full(), Sealed: sealed,
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	return writeDurably(path, data)
}

// writeDurably is writePrivate, with the new name on the disk as well when it
// returns: keys that were sent to a server must not be lost by a power cut.
func writeDurably(path string, data []byte) error {
	if err := writePrivate(path, data); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// names lists the identities, sorted.
func (k *keystore) names() ([]string, error) {
	entries, err := os.ReadDir(k.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries { // sorted by file name
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if ok && identityName.MatchString(name) && e.Type().IsRegular() {
			names = append(names, name)
		}
	}
	return names, err
}

// seal encrypts with a passphrase.
func seal(plain []byte, pass string, workFactor int) (string, error) {
	r, err := age.NewScryptRecipient(pass)
	if err != nil {
		return "", err
	}
	r.SetWorkFactor(workFactor)
	var out bytes.Buffer
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, r)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(plain); err != nil {
		return "", err
	}
	if err := errors.Join(w.Close(), armored.Close()); err != nil {
		return "", err
	}
	return out.String(), nil
}

// unseal opens what seal made. Errors: errWrongPassphrase.
func unseal(sealed, pass string) ([]byte, error) {
	id, err := age.NewScryptIdentity(pass)
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(sealed)), id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errWrongPassphrase, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxFileBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errWrongPassphrase, err)
	}
	return plain, nil
}
