package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nixnode/nixnode/node"
)

const clusterDemoNodes = 3

func newClusterDemoCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "cluster-demo",
		Short: "Start three node processes, run the demo over them, and kill the leader in the middle",
		Long: "Start three node processes on loopback, with vault, author and reader each connected to\n" +
			"another one, and run the demo. After the vault has published, the leader is killed\n" +
			"(SIGKILL), and the demo goes on over the other two. Everything is removed at the end.",
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return clusterDemo(cmd.Context(), cmd.OutOrStdout())
		},
	}
}

func clusterDemo(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "nixnode-cluster-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }

	say("Starting %d node processes.", clusterDemoNodes)
	procs, err := startProcesses(ctx, dir, clusterDemoNodes)
	defer func() { err = errors.Join(err, stopProcesses(procs)) }()
	if err != nil {
		return err
	}
	operator, err := awaitCluster(ctx, procs)
	if err != nil {
		return err
	}
	urls := make([]string, len(procs))
	for i, p := range procs {
		urls[i] = p.url
		say("  node %s (process %d) listens on %s", p.id, p.cmd.Process.Pid, p.url)
	}
	tenant, err := makeTenant(ctx, urls, operator, "cluster-demo")
	if err != nil {
		return err
	}
	kill := func(ctx context.Context) error { return killLeader(ctx, procs, operator, say) }
	if err := runDemo(ctx, demoConfig{URLs: urls, Key: tenant.Key, Out: out, AfterPublish: kill}); err != nil {
		return err
	}
	say("The leader was killed in the middle, and nothing that was acknowledged is lost.")
	return nil
}

// killLeader ends the leader's process the hard way and waits until the others
// have agreed on a new one.
func killLeader(ctx context.Context, procs []*process, operator credentials, say func(string, ...any)) error {
	leader, err := awaitLeader(ctx, procs, operator)
	if err != nil {
		return err
	}
	say("Killing the leader, node %s (process %d).", leader.id, leader.cmd.Process.Pid)
	began := time.Now()
	if err := leader.kill(); err != nil {
		return err
	}
	next, err := awaitLeader(ctx, procs, operator)
	if err != nil {
		return err
	}
	say("Node %s leads now, %s later.", next.id, time.Since(began).Round(10*time.Millisecond))
	return nil
}

// startProcesses starts n nodes from configuration, as an operator would.
func startProcesses(ctx context.Context, dir string, n int) ([]*process, error) {
	keyFile := filepath.Join(dir, "cluster.key")
	if err := node.WriteClusterKey(keyFile, node.NewClusterKey()); err != nil {
		return nil, err
	}
	ids := make([]string, n)
	peers := make([]string, n)
	addrs, err := freeAddrs(n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		ids[i] = fmt.Sprintf("n%d", i+1)
		peers[i] = ids[i] + "=" + addrs[i]
	}
	var procs []*process
	for i, id := range ids {
		p, err := startProcess(ctx, id, []string{
			"NIXNODE_NODE_ID=" + id, "NIXNODE_DOMAIN=nix.localhost", "NIXNODE_HOSTS=localhost,127.0.0.1,::1",
			"NIXNODE_DATA_DIR=" + filepath.Join(dir, id), "NIXNODE_CLUSTER_KEY_FILE=" + keyFile,
			"NIXNODE_HTTP_ADDR=127.0.0.1:0", "NIXNODE_NODE_ADDR=" + addrs[i], "NIXNODE_GOSSIP_ADDR=127.0.0.1:0",
			"NIXNODE_PEERS=" + strings.Join(peers, ","), "NIXNODE_LOG_LEVEL=error",
		})
		if err != nil {
			return procs, err
		}
		procs = append(procs, p)
	}
	return procs, nil
}

// freeAddrs finds loopback addresses that nobody listens on now. All are held
// until all are found, so that they differ.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}
