package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/client"
)

func newIdentityCmd() *cobra.Command {
	d := &desk{}
	cmd := group("identity", "Make, list, show and rotate identities, with their keys in an encrypted file",
		identityNewCmd(d), identityListCmd(d), identityShowCmd(d), identityRotateCmd(d))
	d.flags(cmd)
	return cmd
}

func identityNewCmd(d *desk) *cobra.Command {
	var kind string
	kinds := []string{"", client.KindApp, client.KindGroup, client.KindRoute, client.KindUser, client.KindVault}
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Draw keys, register them, and keep them under a name", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(kinds, kind) {
				return usageError{fmt.Errorf("--kind %q is not one of app, group, route, user, vault", kind)}
			}
			return d.with(func(s session) error {
				me, err := s.keys.begin(args[0])
				if err != nil {
					return err
				}
				_, err = s.Register(cmd.Context(), me.id, client.Metadata{Kind: kind})
				if err != nil && !errors.Is(err, client.ErrOutcomeUnknown) {
					return err
				}
				// What may have been registered is kept: run again, it is the same.
				if err := errors.Join(err, s.keys.save(me)); err != nil {
					return err
				}
				return d.printIdentity(cmd, me)
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", client.KindUser, "app, group, route, user, vault or empty")
	return cmd
}

// begin gives a new identity, or one whose registration has not been answered.
func (k *keystore) begin(name string) (stored, error) {
	f, err := k.read(name)
	switch {
	case err == nil && f.Address != "":
		return stored{}, fmt.Errorf("%s: %w", name, errIdentityExists)
	case err == nil:
		return k.load(name)
	case !errors.Is(err, errNoIdentity):
		return stored{}, err
	}
	pass, err := k.passphrase(true)
	if err != nil {
		return stored{}, err
	}
	id, err := client.NewIdentity()
	return stored{name: name, id: id, pass: pass}, err
}

func identityListCmd(d *desk) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the identities of the keystore; needs no passphrase and no node", Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := d.keystore()
			if err != nil {
				return err
			}
			names, err := keys.names()
			if err != nil {
				return err
			}
			files := make([]identityFile, len(names))
			rows := [][]string{{"NAME", "ADDRESS"}}
			for i, name := range names {
				if files[i], err = keys.read(name); err != nil {
					return err
				}
				rows = append(rows, []string{name, files[i].Address})
			}
			if d.json {
				return printJSON(cmd.OutOrStdout(), shownFiles(files))
			}
			return printTable(cmd.OutOrStdout(), rows)
		},
	}
}

// shownIdentity is an identity as the commands print it.
type shownIdentity struct {
	Name          string `json:"name"`
	Address       string `json:"address"`
	SigningKey    string `json:"signingKey,omitempty"` // thumbprints
	EncryptionKey string `json:"encryptionKey,omitempty"`
	RootKey       string `json:"rootKey,omitempty"`
	// Metadata is JSON as it was signed, or for the own private part as the node has it.
	Public  json.RawMessage `json:"metaPublic,omitempty"`
	Private json.RawMessage `json:"metaPrivate,omitempty"`
}

func shownFiles(files []identityFile) []shownIdentity {
	shown := make([]shownIdentity, len(files))
	for i, f := range files {
		shown[i] = shownIdentity{Name: f.Name, Address: f.Address}
	}
	return shown
}

func identityShowCmd(d *desk) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME|ADDRESS", Short: "Show an identity of the keystore, or any other, verified", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.with(func(s session) error {
				if identityName.MatchString(args[0]) {
					if _, err := s.keys.read(args[0]); !errors.Is(err, errNoIdentity) {
						return d.showOwn(cmd, s, args[0])
					}
				}
				a, err := s.party(args[0])
				if err != nil {
					return err
				}
				return d.showPeer(cmd, s, a)
			})
		},
	}
}

func (d *desk) showOwn(cmd *cobra.Command, s session, name string) error {
	me, err := s.keys.load(name)
	if err != nil {
		return err
	}
	server, err := s.Me(cmd.Context(), me.id)
	if err != nil {
		return err
	}
	shown := shownOf(me)
	shown.Public, shown.Private = server.MetaPublic, server.MetaPrivate
	p, err := s.Peer(cmd.Context(), me.id.Address())
	if err != nil {
		return err
	}
	if p.SigningKey().Thumbprint() != shown.SigningKey || p.EncryptionKey().Thumbprint() != shown.EncryptionKey {
		return fmt.Errorf("%s: the node shows other keys than the keystore has; 'nixnode identity rotate %s' settles it", name, name)
	}
	shown.RootKey = p.RootKey().Thumbprint()
	return d.print(cmd, shown)
}

func (d *desk) showPeer(cmd *cobra.Command, s session, a address.Address) error {
	p, err := s.Peer(cmd.Context(), a)
	if err != nil {
		return err
	}
	return d.print(cmd, shownIdentity{
		Address: s.Full(a), SigningKey: p.SigningKey().Thumbprint(), EncryptionKey: p.EncryptionKey().Thumbprint(),
		RootKey: p.RootKey().Thumbprint(), Public: p.Public,
	})
}

func identityRotateCmd(d *desk) *cobra.Command {
	return &cobra.Command{
		Use: "rotate NAME", Short: "Replace both keys of an identity", Args: exactArgs(1),
		Long: "Replace both keys of an identity. The new keys are in the file before they are sent, and the\n" +
			"old ones stay until the node has taken the new: run again, it goes on where it was interrupted.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.withIdentity(args[0], func(s session, me stored) error {
				save := func(*client.Identity) error { return s.keys.save(me) }
				if err := s.RotateKeys(cmd.Context(), me.id, save); err != nil {
					return err
				}
				return d.printIdentity(cmd, me)
			})
		},
	}
}

func shownOf(me stored) shownIdentity {
	return shownIdentity{
		Name: me.name, Address: me.id.Full(),
		SigningKey: me.id.SigningKey().Thumbprint(), EncryptionKey: me.id.EncryptionKey().Thumbprint(),
	}
}

func (d *desk) printIdentity(cmd *cobra.Command, me stored) error { return d.print(cmd, shownOf(me)) }

func (d *desk) print(cmd *cobra.Command, v shownIdentity) error {
	if d.json {
		return printJSON(cmd.OutOrStdout(), v)
	}
	return printOne(cmd.OutOrStdout(), identityRow, v)
}

func identityRow(v shownIdentity) (headings, cells []string) {
	return []string{"NAME", "ADDRESS", "SIGNING KEY", "ENCRYPTION KEY", "ROOT KEY", "PUBLIC", "PRIVATE"},
		[]string{v.Name, v.Address, v.SigningKey, v.EncryptionKey, v.RootKey, string(v.Public), string(v.Private)}
}
