package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// devOptions are the flags of nixnode dev.
type devOptions struct {
	data     string
	memory   bool
	nodes    int
	http     string
	envFile  string
	logLevel string
	demo     bool
}

const maxDevNodes = 9

func newDevCmd() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a node for development, with everything ready to use",
		Long: "Run a node on loopback, with a customer, an application and API keys ready to use, and\n" +
			"print commands to go on with. With --nodes 3 it is a cluster of three in one process.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(cmd.Flags().Changed("data")); err != nil {
				return usageError{err}
			}
			return dev(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.data, "data", "nixnode-dev", "directory for what the nodes keep")
	f.BoolVar(&o.memory, "memory", false, "keep everything in memory instead")
	f.IntVar(&o.nodes, "nodes", 1, "number of nodes, all in this process")
	f.StringVar(&o.http, "http", "127.0.0.1:7780", "listen address of the first node; port 0 is a free one, as for all others")
	f.StringVar(&o.envFile, "env-file", "", "write URLs and keys to this file, one NAME=value a line, once everything is ready")
	f.StringVar(&o.logLevel, "log-level", "error", "debug, info, warn or error")
	f.BoolVar(&o.demo, "demo", false, "run the demo against it, then go on running")
	return cmd
}

func (o devOptions) validate(dataGiven bool) error {
	var faults []error
	if o.nodes < 1 || o.nodes > maxDevNodes {
		faults = append(faults, fmt.Errorf("--nodes %d is not 1 to %d", o.nodes, maxDevNodes))
	}
	if o.memory && dataGiven {
		faults = append(faults, errors.New("--memory and --data exclude each other"))
	}
	return errors.Join(faults...)
}

// dev runs the nodes until ctx ends.
func dev(ctx context.Context, o devOptions, out io.Writer) (err error) {
	c := &devCluster{o: o}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.awaitReady(ctx); err != nil {
		return err
	}
	if err := c.provision(ctx); err != nil {
		return err
	}
	if o.envFile != "" {
		if err := writePrivate(o.envFile, []byte(c.env())); err != nil {
			return err
		}
	}
	if o.demo {
		if err := runDemo(ctx, demoConfig{URLs: c.urls(), Key: c.saved.Tenant.Key, Out: out}); err != nil {
			return err
		}
	}
	c.greet(out)
	<-ctx.Done()
	return nil
}

// env is the contents of --env-file: names that other programs may rely on.
func (c *devCluster) env() string {
	s := ""
	for i, url := range c.urls() {
		name := envURL
		if i > 0 {
			name = fmt.Sprintf("%s_%d", envURL, i+1)
		}
		s += name + "=" + url + "\n"
	}
	return s + envKeyID + "=" + c.saved.Tenant.Key.ID + "\n" + envKeySecret + "=" + c.saved.Tenant.Key.Secret + "\n" +
		envOperatorKeyID + "=" + c.saved.Operator.ID + "\n" + envOperatorKeySecret + "=" + c.saved.Operator.Secret + "\n"
}

// greet prints what a person needs for the next step.
func (c *devCluster) greet(out io.Writer) {
	where := "in " + c.o.data
	if c.o.memory {
		where = "in memory: all is lost when it stops"
	}
	self, err := os.Executable()
	if err != nil {
		self = "nixnode"
	}
	fmt.Fprintf(out, `
NiX node runs (%d node, %s).

Copy this into another terminal:

`, c.o.nodes, where)
	for _, line := range splitLines(c.env()) {
		fmt.Fprintf(out, "  export %s\n", line)
	}
	fmt.Fprintf(out, `
and try, for example:

  curl -s $NIXNODE_URL/ops/ready
  curl -s -u "$NIXNODE_OPERATOR_KEY_ID:$NIXNODE_OPERATOR_KEY_SECRET" $NIXNODE_URL/ops/cluster
  %[1]s demo
  export NIXNODE_PASSPHRASE='choose one'
  %[1]s identity new alice
  %[1]s identity new bob
  %[1]s listen bob &
  %[1]s send alice --to bob --text 'hello'

Ctrl-C stops it.
`, self)
}
