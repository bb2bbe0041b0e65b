// Command nixnode is the one binary of NiX node: a node (dev, server), its
// tools (keygen, customer, application, key), and a small client for trying
// things (identity, send, listen, package, demo).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses of the binary.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes one command line and gives the exit status.
func run(ctx context.Context, args []string) int {
	root := newRootCmd()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "nixnode: "+err.Error())
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// usageError marks an error of the command line itself.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:           "nixnode",
		Short:         "An open server for governing access to shared data",
		Version:       buildVersion().Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("there is no command %q; see nixnode --help", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddGroup(
		&cobra.Group{ID: groupNode, Title: "Run a node:"},
		&cobra.Group{ID: groupTenants, Title: "Manage customers, applications and keys:"},
		&cobra.Group{ID: groupClient, Title: "Try things as a client:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupNode, newDevCmd(), newServerCmd(), newKeygenCmd(), newClusterDemoCmd(), newConformanceCmd(), newVersionCmd())
	add(groupTenants, newCustomerCmd(), newApplicationCmd(), newKeyCmd())
	add(groupClient, newIdentityCmd(), newSendCmd(), newListenCmd(), newPackageCmd(), newTokenCmd(), newDemoCmd())
	return root
}

const (
	groupNode    = "node"
	groupTenants = "tenants"
	groupClient  = "client"
)
