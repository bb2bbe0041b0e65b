package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/conformance"
)

// conformanceOptions are the flags of nixnode conformance.
type conformanceOptions struct {
	connection
	operatorID, operatorSecret string
	run                        string
	junit                      string
	list                       bool
	verbose                    bool
	parallel                   int
}

var errNotConforming = errors.New("the server differs from the protocol")

func newConformanceCmd() *cobra.Command {
	var o conformanceOptions
	cmd := &cobra.Command{
		Use:   "conformance",
		Short: "Check a server against the protocol page, over HTTP alone",
		Long: "Check a server, of one node or several, against each sentence of the protocol page that can be\n" +
			"observed. With several URLs every request goes to the next one. What it makes on the server stays\n" +
			"there: identities of its own, and customers that are disabled in the end.\n\n" +
			"Exit status: 0 when every case passed or was skipped, 1 when one failed, 2 for a bad command line.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.execute(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.flags(cmd, envKeyID, envKeySecret)
	f := cmd.Flags()
	f.StringVar(&o.operatorID, "operator-key-id", "", "operator key, without which sections 9 and 10 and parts of others are skipped (default $"+envOperatorKeyID+")")
	f.StringVar(&o.operatorSecret, "operator-key-secret", "", "its secret; better in $"+envOperatorKeySecret)
	f.StringVar(&o.run, "run", "", "run only the cases whose id matches this regular expression")
	f.StringVar(&o.junit, "junit", "", "also write the report to this file, as JUnit XML")
	f.BoolVar(&o.list, "list", false, "list the cases and run nothing")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "report every case, not only those that failed")
	f.IntVar(&o.parallel, "parallel", 0, "how many cases run at a time (default 8)")
	return cmd
}

func (o *conformanceOptions) execute(ctx context.Context, out io.Writer) error {
	selected, err := regexp.Compile(o.run)
	if err != nil {
		return usageError{fmt.Errorf("--run: %w", err)}
	}
	if o.list {
		return listConformance(out, selected)
	}
	if err := o.complete(os.Getenv); err != nil {
		return err
	}
	if o.operatorID == "" && o.operatorSecret == "" {
		o.operatorID, o.operatorSecret = os.Getenv(envOperatorKeyID), os.Getenv(envOperatorKeySecret)
	}
	report, err := conformance.Run(ctx, conformance.Options{
		URLs: o.urls, Run: selected, Parallel: o.parallel,
		Key:      conformance.Credentials{ID: o.keyID, Secret: o.keySecret},
		Operator: conformance.Credentials{ID: o.operatorID, Secret: o.operatorSecret},
	})
	if errors.Is(err, conformance.ErrOptions) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if err := o.print(out, report); err != nil {
		return err
	}
	if err := o.writeJUnit(report); err != nil {
		return err
	}
	if report.Count(conformance.Failed) > 0 {
		return errNotConforming
	}
	return nil
}

// shownOutcome is a row of --json.
type shownOutcome struct {
	ID     string             `json:"id"`
	Says   string             `json:"says"`
	Result conformance.Result `json:"result"`
	Reason string             `json:"reason,omitempty"`
	Millis int64              `json:"ms"`
}

func (o *conformanceOptions) print(out io.Writer, r *conformance.Report) error {
	if !o.json {
		return r.Write(out, o.verbose)
	}
	rows := make([]shownOutcome, len(r.Outcomes))
	for i, c := range r.Outcomes {
		rows[i] = shownOutcome{c.Case.ID, c.Case.Says, c.Result, c.Reason, c.Took.Milliseconds()}
	}
	return printJSON(out, rows)
}

func listConformance(out io.Writer, selected *regexp.Regexp) error {
	for _, c := range conformance.Cases() {
		if !selected.MatchString(c.ID) {
			continue
		}
		if _, err := fmt.Fprintf(out, "%s\t%s\n", c.ID, c.Says); err != nil {
			return err
		}
	}
	return nil
}

func (o *conformanceOptions) writeJUnit(r *conformance.Report) (err error) {
	if o.junit == "" {
		return nil
	}
	f, err := os.Create(o.junit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return r.WriteJUnit(f)
}
