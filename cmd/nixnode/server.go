package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/node"
)

// stopTimeout bounds a graceful stop; after it, stopping abruptly is correct too.
const stopTimeout = 15 * time.Second

func newServerCmd() *cobra.Command {
	var file string
	overrides := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run a node from a configuration",
		Long: "Run a node. Settings come from the file, then NIXNODE_* environment variables, then flags.\n" +
			"All faults of a configuration are reported at once.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := serverConfig(cmd, file, overrides)
			if err != nil {
				return usageError{err}
			}
			return serve(cmd.Context(), cfg, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "YAML file with the settings")
	for _, s := range node.Settings() {
		overrides[s.Name] = cmd.Flags().String(s.Flag, s.Default, s.Doc)
		if s.IsBool {
			cmd.Flags().Lookup(s.Flag).NoOptDefVal = "true"
		}
	}
	return cmd
}

func serverConfig(cmd *cobra.Command, file string, overrides map[string]*string) (node.Config, error) {
	cfg := node.DefaultConfig()
	faults := []error{cfg.Load(file, os.LookupEnv)}
	for _, s := range node.Settings() {
		if cmd.Flags().Changed(s.Flag) {
			faults = append(faults, s.Set(&cfg, *overrides[s.Name]))
		}
	}
	return cfg, errors.Join(append(faults, cfg.Validate())...)
}

// serve runs a node until ctx ends or the node fails.
func serve(ctx context.Context, cfg node.Config, out io.Writer) error {
	logger, err := newLogger(cfg, os.Stderr)
	if err != nil {
		return err
	}
	n, err := node.Open(ctx, cfg, node.Options{
		Logger:  logger,
		Version: buildVersion(),
		Fatal:   func(err error) { exitOnFatal(logger, err) },
		Operator: func(key, secret string) {
			fmt.Fprintf(out, "This cluster is new. Its operator key, shown this once:\n  NIXNODE_OPERATOR_KEY_ID=%s\n  NIXNODE_OPERATOR_KEY_SECRET=%s\n", key, secret)
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "node %s listens on %s\n", n.ID(), n.URL())
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return n.Close(stop)
}

// exitOnFatal ends the process at once: after a storage error nothing that this
// process does may reach a disk or a client (consistency page, promise 9).
func exitOnFatal(logger *slog.Logger, err error) {
	logger.Error("node failed and stops at once", "err", err)
	os.Exit(exitFailed)
}

func newLogger(cfg node.Config, w io.Writer) (*slog.Logger, error) {
	level, err := node.ParseLogLevel(cfg.LogLevel)
	if err != nil {
		return nil, err
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}
