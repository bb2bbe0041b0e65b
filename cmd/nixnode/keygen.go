package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/node"
)

func newKeygenCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make the cluster key, in a new file that only you may read",
		Long: "Make the cluster key, in a new file that only you may read.\n\n" +
			"All nodes of a cluster need the same file. Keep a copy in a safe place: without it,\n" +
			"no API key of the cluster verifies. An existing file is never replaced.",
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := node.WriteClusterKey(args[0], node.NewClusterKey()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "cluster key written to %s\n", args[0])
			return nil
		},
	}
}

// exactArgs is cobra.ExactArgs with the exit status of a usage error.
func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(n)(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}
