package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/client"
)

type listenOptions struct {
	after string
	fresh bool
	ack   bool
	count int
	from  string
}

func newListenCmd() *cobra.Command {
	d := &desk{}
	var o listenOptions
	cmd := &cobra.Command{
		Use: "listen NAME", Short: "Print the messages of an identity as they arrive", Args: exactArgs(1),
		Long: "Print the messages of an identity, those that are kept and then those that arrive, one a line,\n" +
			"until Ctrl-C. It goes on over broken connections and nodes that go down. What is not verified\n" +
			"to be by its sender says so.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.withIdentity(args[0], func(s session, me stored) error {
				lo, err := o.listen(s)
				if err != nil {
					return err
				}
				err = o.run(cmd.Context(), d, cmd.OutOrStdout(), s, me, lo)
				if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
					return nil // Ctrl-C is how it is meant to end
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.after, "after", "", "only messages after this ts")
	f.BoolVar(&o.fresh, "new", false, "only messages that arrive from now on")
	f.BoolVar(&o.ack, "ack", false, "take each message out of the mailbox when it has been printed")
	f.IntVar(&o.count, "count", 0, "end after so many messages; 0 never")
	f.StringVar(&o.from, "from", "", "only messages of this sender: a name of the keystore or an address")
	d.flags(cmd)
	return cmd
}

func (o listenOptions) listen(s session) (client.ListenOptions, error) {
	var lo client.ListenOptions
	var err error
	if o.count < 0 {
		return lo, usageError{errors.New("--count must not be negative")}
	}
	if o.after != "" && o.fresh {
		return lo, usageError{errors.New("--after and --new exclude each other")}
	}
	if o.after != "" {
		if lo.After, err = client.ParseTimestamp(o.after); err != nil {
			return lo, usageError{fmt.Errorf("--after: %w", err)}
		}
	}
	if o.fresh {
		lo.After = s.Present()
	}
	if o.from != "" {
		lo.From, err = s.party(o.from)
	}
	return lo, err
}

func (o listenOptions) run(ctx context.Context, d *desk, out io.Writer, s session, me stored, lo client.ListenOptions) error {
	printed := 0
	for m, err := range s.Listen(ctx, me.id, lo) {
		if err != nil {
			return err
		}
		if err := d.printMessage(out, s, me, m); err != nil {
			return err
		}
		if o.ack {
			if _, err := s.Ack(ctx, me.id, m.TS); err != nil {
				return err
			}
		}
		if printed++; printed == o.count {
			break
		}
	}
	return nil
}

// shownMessage is a message as the commands print it.
type shownMessage struct {
	TS       string          `json:"ts"`
	From     string          `json:"from,omitempty"`
	To       string          `json:"to,omitempty"`
	Type     string          `json:"type,omitempty"`
	ID       string          `json:"id,omitempty"`
	Kid      string          `json:"kid,omitempty"`
	RespTo   string          `json:"respTo,omitempty"`
	Verified string          `json:"verified"`
	Error    string          `json:"error,omitempty"`   // why it is not verified or not readable
	Content  *string         `json:"content,omitempty"` // decrypted
	Body     json.RawMessage `json:"body,omitempty"`    // as it was signed
}

// printMessage prints a message on one line.
func (d *desk) printMessage(out io.Writer, s session, me stored, m client.Message) error {
	v := shownMessage{
		TS: m.TS.String(), From: s.Full(m.From), To: s.Full(m.To), ID: m.ID, Kid: m.Kid, RespTo: m.RespTo,
		Verified: m.Verified.String(), Body: m.Body,
	}
	if m.Type != 0 {
		v.Type = m.Type.String()
	}
	if m.Err != nil {
		v.Error = m.Err.Error()
	}
	// A package holds keys: 'package request' opens it, a stream does not print it.
	if m.Type == client.TypeEncrypted && m.Verified != client.Unverified {
		plain, err := m.Content(me.id)
		if err != nil {
			v.Error = err.Error()
		} else if text := string(plain); m.Kid == "" {
			v.Content = &text
		}
	}
	if d.json {
		return json.NewEncoder(out).Encode(v)
	}
	_, err := fmt.Fprintln(out, printable(v.line()))
	return err
}

// line says a message in words.
func (v shownMessage) line() string {
	line := v.TS + " " + v.From + " "
	switch {
	case v.Content != nil:
		line += *v.Content
	case v.Type == client.TypeSigned.String():
		line += string(v.Body)
	default:
		line += typeWords[v.Type]
		if v.Kid != "" {
			line += " " + v.Kid
		}
		if v.RespTo != "" {
			line += " in answer to " + v.RespTo
		}
	}
	if v.Error != "" {
		line += " [" + v.Verified + ": " + v.Error + "]"
	}
	return line
}

// typeWords say what a message does whose body is not for reading.
var typeWords = map[string]string{
	"":                            "an unreadable message",
	client.TypeEncrypted.String(): "sends encrypted content",
	client.TypeRequest.String():   "requests package",
	client.TypePublish.String():   "publishes package",
	client.TypeClear.String():     "clears package",
	client.TypeDeny.String():      "denies package",
}
