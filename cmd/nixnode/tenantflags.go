package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/client"
)

// connection is how a command reaches a cluster, and as which API key. What the
// flags leave open comes from the environment, where --env-file of dev mode puts it.
type connection struct {
	urls      []string
	keyID     string
	keySecret string
	json      bool

	envID, envSecret string
}

// flags adds the flags of a connection to cmd and all below it.
func (c *connection) flags(cmd *cobra.Command, envID, envSecret string) {
	c.envID, c.envSecret = envID, envSecret
	f := cmd.PersistentFlags()
	f.StringArrayVar(&c.urls, "url", nil, "URL of a node, repeatable (default $"+envURL+", $"+envURL+"_2 and so on)")
	f.StringVar(&c.keyID, "key-id", "", "API key (default $"+envID+")")
	f.StringVar(&c.keySecret, "key-secret", "", "its secret, which other users of this machine can see here; better in $"+envSecret)
	f.BoolVar(&c.json, "json", false, "print JSON")
}

// complete takes what is missing from the environment.
func (c *connection) complete(getenv func(string) string) error {
	if len(c.urls) == 0 {
		c.urls = envURLs(getenv)
	}
	if c.keyID == "" {
		c.keyID = getenv(c.envID)
	}
	if c.keySecret == "" {
		c.keySecret = getenv(c.envSecret)
	}
	var faults []error
	for _, need := range []struct {
		missing   bool
		flag, env string
	}{
		{len(c.urls) == 0, "--url", envURL}, {c.keyID == "", "--key-id", c.envID}, {c.keySecret == "", "--key-secret", c.envSecret},
	} {
		if need.missing {
			faults = append(faults, fmt.Errorf("%s or $%s is needed", need.flag, need.env))
		}
	}
	if len(faults) > 0 {
		return usageError{errors.Join(faults...)}
	}
	return nil
}

// envURLs reads NIXNODE_URL, NIXNODE_URL_2, … up to the first that is not set.
func envURLs(getenv func(string) string) []string {
	var urls []string
	for name, i := envURL, 2; getenv(name) != ""; i++ {
		urls = append(urls, getenv(name))
		name = fmt.Sprintf("%s_%d", envURL, i)
	}
	return urls
}

// open makes the client. change, if not nil, sets more of its configuration.
func (c *connection) open(change func(*client.Config)) (*client.Client, error) {
	if err := c.complete(os.Getenv); err != nil {
		return nil, err
	}
	cfg := client.Config{URLs: c.urls, Key: credentials{ID: c.keyID, Secret: c.keySecret}}
	if change != nil {
		change(&cfg)
	}
	cl, err := client.New(cfg)
	if errors.Is(err, client.ErrConfig) {
		return nil, usageError{err}
	}
	return cl, err
}

// with runs f with an open client.
func (c *connection) with(f func(*client.Client) error) (err error) {
	cl, err := c.open(nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cl.Close()) }()
	return f(cl)
}

// printJSON prints v on lines of its own.
func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printTable prints rows in columns, the first row being the headings.
func printTable(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = printable(cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// printable makes text of strangers fit for a terminal: control characters could
// move the cursor, or worse.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '\uFFFD'
		}
		return r
	}, s)
}

// group makes a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Usage()
			return usageError{errors.New(cmd.CommandPath() + " needs a command")}
		},
	}
	cmd.AddCommand(subs...)
	return cmd
}
