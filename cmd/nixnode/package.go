package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

func newPackageCmd() *cobra.Command {
	d := &desk{}
	cmd := group("package", "Publish, request and clear content packages",
		packagePublishCmd(d), packageRequestCmd(d), packageClearCmd(d))
	d.flags(cmd)
	return cmd
}

// contentKeyName is the name of the one key in packages that the command makes.
const contentKeyName = "content"

type publishOptions struct {
	to   []string
	id   string
	in   string
	out  string
	meta string
	ttl  time.Duration
}

func packagePublishCmd(d *desk) *cobra.Command {
	var o publishOptions
	cmd := &cobra.Command{
		Use: "publish VAULT", Short: "Encrypt a file, and publish the key to readers", Args: exactArgs(1),
		Long: "Encrypt a file with a fresh key, write the result beside it (hand that over in any way you\n" +
			"like), and publish a content package with the key to each reader. Without --file the package\n" +
			"carries its metadata alone.",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.pack()
			if err != nil {
				return err
			}
			return d.withIdentity(args[0], func(s session, vault stored) error {
				readers := make([]address.Address, len(o.to))
				for i, name := range o.to {
					if readers[i], err = s.party(name); err != nil {
						return err
					}
				}
				if err := o.seal(&p); err != nil {
					return err
				}
				for _, reader := range readers {
					r, err := s.Publish(cmd.Context(), vault.id, reader, p, client.PublishOptions{TTL: o.ttl})
					if err != nil {
						return err
					}
					if err := d.printResult(cmd, s, r); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.to, "to", nil, "a reader: a name of the keystore or an address; repeatable")
	f.StringVar(&o.id, "id", "", "id of the package")
	f.StringVar(&o.in, "file", "", "file to encrypt")
	f.StringVar(&o.out, "out", "", "where the encrypted file goes (default: the file's name with .sealed)")
	f.StringVar(&o.meta, "meta", "", "metadata for the readers, a JSON object")
	f.DurationVar(&o.ttl, "ttl", client.DefaultTTL, "how long the package is cached")
	required(cmd, "to", "id")
	return cmd
}

// pack makes the package without its key.
func (o publishOptions) pack() (client.Package, error) {
	p := client.Package{ID: o.id}
	if o.meta != "" {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(o.meta), &object); err != nil {
			return p, usageError{errors.New("--meta is not a JSON object")}
		}
		p.Meta = json.RawMessage(o.meta)
	}
	if o.out != "" && o.in == "" {
		return p, usageError{errors.New("--out needs --file")}
	}
	return p, nil
}

// seal encrypts the file, and puts the key into the package.
func (o publishOptions) seal(p *client.Package) error {
	if o.in == "" {
		return nil
	}
	plain, err := os.ReadFile(o.in)
	if err != nil {
		return err
	}
	key := client.NewContentKey(contentKeyName)
	out := o.out
	if out == "" {
		out = o.in + ".sealed"
	}
	p.Keys = []client.ContentKey{key}
	return writePrivate(out, key.Encrypt(plain))
}

type requestOptions struct {
	from    string
	id      string
	wait    time.Duration
	noCache bool
	in      string
	out     string
}

func packageRequestCmd(d *desk) *cobra.Command {
	var o requestOptions
	cmd := &cobra.Command{
		Use: "request READER", Short: "Request a content package, and open a file with it", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (o.in == "") != (o.out == "") {
				return usageError{errors.New("--file and --out go together")}
			}
			if err := wholeSeconds("wait", o.wait, api.MaxWaitSeconds*time.Second); err != nil {
				return err
			}
			return d.withIdentity(args[0], func(s session, reader stored) error {
				vault, err := s.party(o.from)
				if err != nil {
					return err
				}
				a, err := s.Request(cmd.Context(), reader.id, vault, o.id, client.RequestOptions{NoCache: o.noCache, Wait: o.wait})
				if err != nil {
					return err
				}
				if err := o.open(a); err != nil {
					return err
				}
				return d.printAnswer(cmd, a)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the vault: a name of the keystore or an address")
	f.StringVar(&o.id, "id", "", "id of the package")
	f.DurationVar(&o.wait, "wait", 0, "how long to wait for the vault where the package is not cached")
	f.BoolVar(&o.noCache, "no-cache", false, "ask the vault itself")
	f.StringVar(&o.in, "file", "", "encrypted file to open with the package")
	f.StringVar(&o.out, "out", "", "where the opened file goes")
	required(cmd, "from", "id")
	return cmd
}

// open decrypts the file with the key that the package brought.
func (o requestOptions) open(a client.Answer) error {
	if o.in == "" || a.Pending {
		return nil
	}
	if a.Package == nil {
		return errors.New("the vault answered with something that is no package")
	}
	key, ok := a.Package.Key(contentKeyName)
	if !ok {
		return fmt.Errorf("the package has no key named %q", contentKeyName)
	}
	sealed, err := os.ReadFile(o.in)
	if err != nil {
		return err
	}
	plain, err := key.Decrypt(sealed)
	if err != nil {
		return fmt.Errorf("%s: %w", o.in, err)
	}
	return writePrivate(o.out, plain)
}

var errPending = errors.New("the vault has not answered yet; its answer will arrive at the reader's mailbox")

// shownAnswer is the answer to a request as the command prints it. The keys of a
// package are used, and never printed.
type shownAnswer struct {
	State     string          `json:"state"` // cached, answered or pending
	RequestID string          `json:"requestID"`
	PackageID string          `json:"packageID"`
	Keys      []string        `json:"keys,omitempty"` // their names
	Meta      json.RawMessage `json:"meta,omitempty"`
}

// printAnswer prints what a request came to; one that is pending is a failure too.
func (d *desk) printAnswer(cmd *cobra.Command, a client.Answer) error {
	v := shownAnswer{State: "answered", RequestID: a.RequestID, PackageID: a.PackageID}
	if a.FromCache {
		v.State = "cached"
	}
	var failed error
	if a.Pending {
		v.State, failed = "pending", errPending
	}
	if a.Package != nil {
		v.Meta = a.Package.Meta
		for _, k := range a.Package.Keys {
			v.Keys = append(v.Keys, k.Name)
		}
	}
	if d.json {
		return errors.Join(printJSON(cmd.OutOrStdout(), v), failed)
	}
	words := map[string]string{
		"cached": "Answered from the cache, without the vault", "answered": "Answered by the vault", "pending": "Sent to the vault",
	}
	line := fmt.Sprintf("%s: package %s, %d keys", words[v.State], v.PackageID, len(v.Keys))
	if len(v.Meta) > 0 {
		line += ", " + string(v.Meta)
	}
	fmt.Fprintln(cmd.OutOrStdout(), printable(line))
	return failed
}

func packageClearCmd(d *desk) *cobra.Command {
	var to, id string
	var everyone bool
	cmd := &cobra.Command{
		Use: "clear VAULT", Short: "Revoke a package: take it from the cache and tell the readers", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if everyone == (to != "") {
				return usageError{errors.New("either --to or --everyone is needed")}
			}
			if everyone && id == "" {
				return usageError{errors.New("--everyone needs --id")}
			}
			return d.withIdentity(args[0], func(s session, vault stored) error {
				reader := vault.id.Address() // to itself: for everyone (section 7)
				if !everyone {
					var err error
					if reader, err = s.party(to); err != nil {
						return err
					}
				}
				r, err := s.Clear(cmd.Context(), vault.id, reader, id)
				if err != nil {
					return err
				}
				return d.printResult(cmd, s, r)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "the reader: a name of the keystore or an address")
	f.BoolVar(&everyone, "everyone", false, "revoke it for all readers at once")
	f.StringVar(&id, "id", "", "id of the package; without it, all that the vault published to the reader")
	return cmd
}
