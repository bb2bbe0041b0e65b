package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/client"
)

// envKeystore is where the identities of the client commands are kept.
const envKeystore = "NIXNODE_KEYSTORE"

// desk is what the client commands share: a connection and a keystore.
type desk struct {
	connection
	dir string
}

func (d *desk) flags(cmd *cobra.Command) {
	d.connection.flags(cmd, envKeyID, envKeySecret)
	cmd.PersistentFlags().StringVar(&d.dir, "keystore", "",
		"directory of the identities (default $"+envKeystore+", or nixnode in the user's configuration)")
}

func (d *desk) keystore() (*keystore, error) {
	dir := d.dir
	if dir == "" {
		dir = os.Getenv(envKeystore)
	}
	if dir == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			return nil, usageError{fmt.Errorf("--keystore or $%s is needed: %w", envKeystore, err)}
		}
		dir = filepath.Join(base, "nixnode")
	}
	return &keystore{dir: dir, passphrase: askPassphrase, workFactor: scryptWorkFactor}, nil
}

// session is an open client with the keystore beside it.
type session struct {
	*client.Client
	keys *keystore
}

// with runs f with a session, and closes it.
func (d *desk) with(f func(session) error) (err error) {
	keys, err := d.keystore()
	if err != nil {
		return err
	}
	c, err := d.open(func(cfg *client.Config) { cfg.Pins = filePins{dir: filepath.Join(keys.dir, "peers")} })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return f(session{Client: c, keys: keys})
}

// withIdentity runs f with a session and a registered identity of the keystore.
func (d *desk) withIdentity(name string, f func(session, stored) error) error {
	return d.with(func(s session) error {
		me, err := s.keys.load(name)
		if err != nil {
			return err
		}
		if me.id.Address().IsZero() {
			return fmt.Errorf("%s is not registered yet: 'nixnode identity new %s' goes on with it", name, name)
		}
		return f(s, me)
	})
}

// party reads an address, or the name of an identity in the keystore.
func (s session) party(text string) (address.Address, error) {
	if identityName.MatchString(text) {
		f, err := s.keys.read(text)
		if err == nil && f.Address != "" {
			return s.ParseAddress(f.Address)
		}
		if err != nil && !errors.Is(err, errNoIdentity) {
			return address.Address{}, err
		}
	}
	a, err := s.ParseAddress(text)
	if err != nil || a.Type() != address.Identity {
		return address.Address{}, usageError{fmt.Errorf("%q is neither the address of an identity nor a name in the keystore", text)}
	}
	return a, nil
}

// required marks flags as such; a missing one is a usage error.
func required(cmd *cobra.Command, names ...string) {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var faults []error
		for _, name := range names {
			if !cmd.Flags().Changed(name) {
				faults = append(faults, fmt.Errorf("--%s is needed", name))
			}
		}
		if len(faults) > 0 {
			return usageError{errors.Join(faults...)}
		}
		return run(cmd, args)
	}
}
