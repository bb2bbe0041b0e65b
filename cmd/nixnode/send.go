package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

// textField of a signed message's body holds what 'send --plain' sends.
const textField = "text"

type sendOptions struct {
	to     string
	text   string
	plain  bool
	id     string
	respTo string
	ttl    time.Duration
}

func newSendCmd() *cobra.Command {
	d := &desk{}
	var o sendOptions
	cmd := &cobra.Command{
		Use: "send NAME", Short: "Send a message from an identity of the keystore", Args: exactArgs(1),
		Long: "Send a text from an identity of the keystore to a name in it, or to an address.\n" +
			"It is encrypted from end to end, unless --plain says otherwise.",
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := o.read(cmd.InOrStdin())
			if err != nil {
				return err
			}
			return d.withIdentity(args[0], func(s session, me stored) error {
				to, err := s.party(o.to)
				if err != nil {
					return err
				}
				m := client.Outgoing{To: to, ID: o.id, RespTo: o.respTo, TTL: o.ttl}
				if o.plain {
					m.Body = map[string]any{textField: text}
				} else {
					m.Type, m.Content = client.TypeEncrypted, []byte(text)
				}
				results, err := s.Send(cmd.Context(), me.id, m)
				if err != nil {
					return err
				}
				return d.printResult(cmd, s, results[0])
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "who gets it: a name of the keystore or an address")
	f.StringVar(&o.text, "text", "", "the text; - reads it from the standard input")
	f.BoolVar(&o.plain, "plain", false, "sign only: the cluster can read the text")
	f.StringVar(&o.id, "id", "", "id of the message; drawn if empty")
	f.StringVar(&o.respTo, "resp-to", "", "id of the message that this one answers")
	f.DurationVar(&o.ttl, "ttl", client.DefaultTTL, "how long it is kept")
	d.flags(cmd)
	required(cmd, "to", "text")
	return cmd
}

func (o sendOptions) read(in io.Reader) (string, error) {
	if o.text != "-" {
		return o.text, nil
	}
	b, err := io.ReadAll(io.LimitReader(in, api.MaxMessage+1))
	if err != nil {
		return "", err
	}
	if len(b) > api.MaxMessage {
		return "", fmt.Errorf("the text is longer than a message of %d bytes can be", api.MaxMessage)
	}
	return string(b), nil
}

// shownResult is what became of a message, as the commands print it.
type shownResult struct {
	Code    api.Code `json:"code"`
	Text    string   `json:"text"`
	ID      string   `json:"id"`
	To      string   `json:"to"`
	TS      string   `json:"ts,omitempty"`
	Cleared *int     `json:"cleared,omitempty"`
}

func (d *desk) printResult(cmd *cobra.Command, s session, r client.Result) error {
	shown := shownResult{Code: r.Code, Text: r.Code.Text(), ID: r.ID, To: s.Full(r.To)}
	if r.TS != 0 {
		shown.TS = r.TS.String()
	}
	if r.Code == api.CodeCleared {
		shown.Cleared = &r.Cleared
	}
	if d.json {
		return printJSON(cmd.OutOrStdout(), shown)
	}
	if shown.Cleared != nil {
		fmt.Fprintf(cmd.OutOrStdout(), "%d %s %d removed from the cache.\n", shown.Code, shown.Text, r.Cleared)
		return nil
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d %s (id %s, ts %s)\n", shown.Code, shown.Text, printable(shown.ID), shown.TS)
	return nil
}

// wholeSeconds refuses durations that the wire cannot carry.
func wholeSeconds(flag string, d, most time.Duration) error {
	if d < 0 || d%time.Second != 0 || d > most {
		return usageError{errors.New("--" + flag + " must be in whole seconds, " + most.String() + " at most")}
	}
	return nil
}
