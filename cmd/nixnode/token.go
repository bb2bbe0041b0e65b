package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/client"
)

// newTokenCmd helps those who speak HTTP themselves, with curl for example.
func newTokenCmd() *cobra.Command {
	d := &desk{}
	cmd := group("token", "Print tokens for calls that you make yourself",
		tokenProofCmd(d), tokenSignCmd(d), tokenMessageCmd(d), tokenRegisterCmd(d), tokenKeyCmd(d))
	d.flags(cmd)
	return cmd
}

// object reads a flag that holds a JSON object; nothing is none.
func object(flag, text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, usageError{fmt.Errorf("--%s is not a JSON object", flag)}
	}
	return v, nil
}

func tokenProofCmd(d *desk) *cobra.Command {
	var path, claims string
	cmd := &cobra.Command{
		Use: "proof NAME", Short: "Print a jwt that proves who calls a path", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			more, err := object("claims", claims)
			if err != nil {
				return err
			}
			return d.withIdentity(args[0], func(s session, me stored) error {
				return printToken(cmd)(s.Proof(me.id, path, more))
			})
		},
	}
	cmd.Flags().StringVar(&path, "path", "", "path of the call, for example /v1/messages/fetch")
	cmd.Flags().StringVar(&claims, "claims", "", "further claims, a JSON object")
	required(cmd, "path")
	return cmd
}

func tokenSignCmd(d *desk) *cobra.Command {
	var place, payload string
	cmd := &cobra.Command{
		Use: "sign NAME", Short: "Print a token over a payload, bound to its place", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !json.Valid([]byte(payload)) {
				return usageError{fmt.Errorf("--payload is not JSON")}
			}
			return d.withIdentity(args[0], func(s session, me stored) error {
				return printToken(cmd)(s.Sign(me.id, place, json.RawMessage(payload)))
			})
		},
	}
	cmd.Flags().StringVar(&place, "place", "", "path#field, for example /v1/identity/me/meta#metaPublic")
	cmd.Flags().StringVar(&payload, "payload", "", "what to sign, JSON")
	required(cmd, "place", "payload")
	return cmd
}

func tokenMessageCmd(d *desk) *cobra.Command {
	var m client.Outgoing
	var to, kind, body string
	cmd := &cobra.Command{
		Use: "message NAME", Short: "Print a message token for the list msgs of a send", Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if m.Body, err = object("body", body); err != nil {
				return err
			}
			if len(kind) != 1 {
				return usageError{fmt.Errorf("--type is one of s, e, r, p, c, d")}
			}
			m.Type = client.Type(kind[0])
			return d.withIdentity(args[0], func(s session, me stored) error {
				if m.To, err = s.party(to); err != nil {
					return err
				}
				msgs, err := s.Prepare(cmd.Context(), me.id, m)
				if err != nil {
					return err
				}
				return printToken(cmd)(msgs[0].Token, nil)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "who gets it: a name of the keystore or an address")
	f.StringVar(&kind, "type", "s", "s signed, e encrypted, r request, p publish, c clear, d deny")
	f.StringVar(&m.ID, "id", "", "message id; drawn if empty")
	f.StringVar(&m.Kid, "package", "", "content package id")
	f.StringVar(&m.RespTo, "resp-to", "", "id of the message that this one answers")
	f.StringVar(&body, "body", "", "what else is in the body, a JSON object")
	f.DurationVar(&m.TTL, "ttl", client.DefaultTTL, "until it expires")
	required(cmd, "to")
	return cmd
}

func tokenRegisterCmd(d *desk) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use: "register", Short: "Print the body of a registration, of keys that are drawn for it and not kept", Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.with(func(s session) error {
				id, err := client.NewIdentity()
				if err != nil {
					return err
				}
				body, err := s.Registration(id, client.Metadata{Kind: kind})
				if err != nil {
					return err
				}
				return json.NewEncoder(cmd.OutOrStdout()).Encode(body)
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", client.KindUser, "app, group, route, user, vault or empty")
	return cmd
}

func tokenKeyCmd(d *desk) *cobra.Command {
	return &cobra.Command{
		Use: "key", Short: "Print a token of the API key, for Authorization: Bearer; it is good for four minutes", Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.with(func(s session) error { return printToken(cmd)(s.APIToken()) })
		},
	}
}

// printToken prints what a signer gives.
func printToken(cmd *cobra.Command) func(string, error) error {
	return func(token string, err error) error {
		if err == nil {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
		}
		return err
	}
}
