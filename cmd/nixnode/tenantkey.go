package main

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

func newKeyCmd() *cobra.Command {
	c := &connection{}
	cmd := group("key", "Make, list, show, change, rotate and delete API keys",
		keyCreateCmd(c),
		&cobra.Command{
			Use: "list APPLICATION", Short: "List the API keys of an application, without secrets", Args: exactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return many(c, cmd, keyRow, func(cl *client.Client) iter.Seq2[api.Key, error] {
					return cl.Keys(cmd.Context(), args[0])
				})
			},
		},
		&cobra.Command{
			Use: "show KEY", Short: "Show an API key, without its secret", Args: exactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return one(c, cmd, keyRow, func(cl *client.Client) (api.Key, error) {
					return cl.APIKey(cmd.Context(), args[0])
				})
			},
		},
		keyUpdateCmd(c), keyRotateCmd(c), keyDeleteCmd(c),
	)
	c.flags(cmd, envOperatorKeyID, envOperatorKeySecret)
	return cmd
}

// keySettings are the flags that make and change a key have in common.
type keySettings struct {
	scopes  []string
	expires string
	rate    api.Rate
}

func (s *keySettings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&s.scopes, "scope", nil, "what it may do: "+strings.Join([]string{
		api.ScopeIdentity, api.ScopeMessage, api.ScopeEvent, api.ScopeAdmin, api.ScopeOperator}, ", ")+" (default identity,message)")
	f.StringVar(&s.expires, "expires", "", "when it expires: a time like 2030-01-31T12:00:00Z, or a duration from now like 720h; never if empty")
	f.Uint32Var(&s.rate.Requests, "rate-requests", 0, "requests a second; 0 is the default of the cluster")
	f.Uint32Var(&s.rate.Burst, "rate-burst", 0, "requests at once")
	f.Uint32Var(&s.rate.Messages, "rate-messages", 0, "messages a second")
}

// rateGiven gives the rate if any of its flags was.
func (s *keySettings) rateGiven(cmd *cobra.Command) *api.Rate {
	for _, name := range []string{"rate-requests", "rate-burst", "rate-messages"} {
		if cmd.Flags().Changed(name) {
			return &s.rate
		}
	}
	return nil
}

func keyCreateCmd(c *connection) *cobra.Command {
	var s keySettings
	cmd := &cobra.Command{
		Use: "create APPLICATION NAME", Short: "Make an API key and show its secret, this once", Args: exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			expires, err := parseExpiry(s.expires, time.Now())
			if err != nil {
				return usageError{err}
			}
			r := api.KeyRequest{Name: args[1], Scopes: s.scopes, Expires: expires, Rate: s.rateGiven(cmd)}
			return one(c, cmd, keyRow, func(cl *client.Client) (api.Key, error) {
				return cl.CreateKey(cmd.Context(), args[0], r)
			})
		},
	}
	s.flags(cmd)
	return cmd
}

func keyUpdateCmd(c *connection) *cobra.Command {
	var s keySettings
	var name string
	var enabled bool
	cmd := &cobra.Command{
		Use: "update KEY", Short: "Change an API key", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := api.KeyPatch{Scopes: s.scopes, Rate: s.rateGiven(cmd)}
			changed := cmd.Flags().Changed
			if changed("name") {
				p.Name = &name
			}
			if changed("enabled") {
				p.Enabled = &enabled
			}
			if changed("expires") {
				expires, err := parseExpiry(s.expires, time.Now())
				if err != nil {
					return usageError{err}
				}
				p.Expires = &expires
			}
			if p.Name == nil && p.Enabled == nil && p.Expires == nil && p.Scopes == nil && p.Rate == nil {
				return usageError{errors.New("nothing to change: give at least one flag")}
			}
			return one(c, cmd, keyRow, func(cl *client.Client) (api.Key, error) {
				return cl.UpdateKey(cmd.Context(), args[0], p)
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&name, "name", "", "the new name")
	cmd.Flags().BoolVar(&enabled, "enabled", true, "--enabled=false disables it at once")
	return cmd
}

func keyRotateCmd(c *connection) *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate KEY", Short: "Give an API key a new secret and show it, this once", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if overlap < 0 || overlap%time.Second != 0 {
				return usageError{errors.New("--overlap must be in whole seconds")}
			}
			return one(c, cmd, keyRow, func(cl *client.Client) (api.Key, error) {
				return cl.RotateKey(cmd.Context(), args[0], api.RotateRequest{Overlap: int(overlap / time.Second)})
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 0, "how long the old secret stays valid; 0 ends it at once, 168h at most")
	return cmd
}

func keyDeleteCmd(c *connection) *cobra.Command {
	return &cobra.Command{
		Use: "delete KEY", Short: "Delete an API key for good", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(func(cl *client.Client) error {
				if err := cl.DeleteKey(cmd.Context(), args[0]); err != nil {
					return err
				}
				if c.json {
					return printJSON(cmd.OutOrStdout(), map[string]string{"deleted": args[0]})
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is deleted\n", args[0])
				return nil
			})
		},
	}
}

func keyRow(k api.Key) (headings, cells []string) {
	headings = []string{"KEY", "NAME", "STATE", "SCOPES", "EXPIRES", "CREATED", "APPLICATION"}
	cells = []string{k.Address, k.Name, state(k.Enabled), strings.Join(k.Scopes, ","), unixTime(k.Expires), unixTime(k.Created), k.Application}
	if k.OldValidUntil != "" {
		headings, cells = append(headings, "OLD SECRET VALID UNTIL"), append(cells, unixTime(k.OldValidUntil))
	}
	if k.Secret != "" { // only in the answer that made it: it is what was asked for
		headings, cells = append(headings, "SECRET"), append(cells, k.Secret)
	}
	return headings, cells
}

// parseExpiry reads a time or a duration from now, and gives unix seconds as the
// interface wants them; empty is never.
func parseExpiry(s string, now time.Time) (string, error) {
	if s == "" {
		return "", nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return "", fmt.Errorf("--expires: %q is neither a time like 2030-01-31T12:00:00Z nor a duration like 720h", s)
		}
		at = now.Add(d)
	}
	return strconv.FormatInt(at.Unix(), 10), nil
}

// unixTime shows a decimal string of unix seconds to people.
func unixTime(s string) string {
	sec, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return s
	}
	return time.Unix(sec, 0).UTC().Format(time.RFC3339)
}
