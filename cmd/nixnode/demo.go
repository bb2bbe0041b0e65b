package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/client"
)

// demoTimeout bounds a demo, the election after a leader's end included.
const demoTimeout = 2 * time.Minute

// demoConfig says where and as whom to run the demo.
type demoConfig struct {
	URLs []string // vault, author and reader begin at one each, as far as there are
	Key  credentials
	Out  io.Writer
	// AfterPublish, if set, is called between publishing and requesting: the place
	// to break something.
	AfterPublish func(ctx context.Context) error
}

func newDemoCmd() *cobra.Command {
	c := &connection{}
	cmd := &cobra.Command{
		Use: "demo", Short: "Show a content package from author to reader, and its revocation", Args: exactArgs(0),
		Long: "Run the exchange that NiX is for, with three new identities, and check every step: an author\n" +
			"gives content to a vault, the vault publishes it to a reader, the reader reads it from the\n" +
			"cache, the vault revokes it, and the reader is refused. With several --url the three sit on\n" +
			"different nodes. The exit status tells whether all went as it should.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.complete(os.Getenv); err != nil {
				return err
			}
			return runDemo(cmd.Context(), demoConfig{
				URLs: c.urls, Key: credentials{ID: c.keyID, Secret: c.keySecret}, Out: cmd.OutOrStdout(),
			})
		},
	}
	c.flags(cmd, envKeyID, envKeySecret)
	return cmd
}

// runDemo runs the demo, and fails when any step does not give what it must.
func runDemo(ctx context.Context, cfg demoConfig) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	d := &demo{cfg: cfg, content: []byte("The content that only a reader whom the vault trusts shall see.")}
	defer func() { err = errors.Join(err, d.close(cancel)) }()
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"register", d.register}, {"listen", d.listen}, {"give", d.give}, {"publish", d.published},
		{"break", d.breakSomething}, {"kept", d.kept}, {"request", d.request}, {"clear", d.clear},
		{"see the clear", d.seeClear}, {"request again", d.requestAgain},
	} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("demo: %s: %w", step.name, d.because(err))
		}
	}
	d.say("All is as it should be.")
	return nil
}

// party is one of the three, with its own way to the cluster.
type party struct {
	*client.Client
	name string
	url  string
	id   *client.Identity
}

// open registers one party at the i-th node, from where it can go to the others.
func (d *demo) open(ctx context.Context, i int, name, kind string) (*party, error) {
	n := len(d.cfg.URLs)
	if n == 0 {
		return nil, usageError{errors.New("no node's URL")}
	}
	urls := slices.Concat(d.cfg.URLs[i%n:], d.cfg.URLs[:i%n])
	c, err := client.New(client.Config{URLs: urls, Key: d.cfg.Key})
	if err != nil {
		return nil, err
	}
	p := &party{Client: c, name: name, url: urls[0]}
	d.parties = append(d.parties, p)
	if p.id, err = client.NewIdentity(); err != nil {
		return nil, err
	}
	if _, err := p.Register(ctx, p.id, client.Metadata{Kind: kind}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d.say("The %-6s registers at %s as %s.", p.name, p.url, p.id.Full())
	return p, nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.cfg.Out, format+"\n", args...) }
