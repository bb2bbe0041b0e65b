// Command bench measures nodes from outside, over HTTP, as their users meet
// them: messages a second, and how long a sender waits for its answer, for
// several numbers of concurrent senders, on one node and on three.
//
// The clusters compared run side by side and take turns in short rounds, so
// that whatever else the machine does hits both alike; what is printed is the
// median round, and the ratio between the two. Nodes keep their data on disk
// and sync it, as in production. Senders, nodes and this program share the
// machine's cores: the numbers compare, they do not promise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type options struct {
	binary  string
	nodes   []int
	senders []int
	round   time.Duration
	rounds  int
	size    int
	batch   int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	var nodes, senders string
	var seconds float64
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.binary, "binary", "bin/nixnode", "the nixnode binary to measure")
	f.StringVar(&nodes, "nodes", "1,3", "cluster sizes; the first is what the others are compared with")
	f.StringVar(&senders, "senders", "1,16,64,256", "numbers of concurrent senders")
	f.Float64Var(&seconds, "seconds", 6, "how long each number of senders sends to each cluster, over all rounds")
	f.IntVar(&o.rounds, "rounds", 3, "rounds that this time is cut into")
	f.IntVar(&o.size, "size", 1024, "bytes of a message's body")
	f.IntVar(&o.batch, "batch", 1, "messages in one call")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err1, err2 error
	o.nodes, err1 = ints(nodes)
	o.senders, err2 = ints(senders)
	if err := errors.Join(err1, err2); err != nil {
		return o, err
	}
	if o.rounds < 1 || seconds <= 0 || o.batch < 1 || o.batch > 256 || o.size < 0 {
		return o, errors.New("rounds, seconds, batch (1-256) and size must be positive")
	}
	o.round = time.Duration(seconds / float64(o.rounds) * float64(time.Second))
	return o, nil
}

func ints(list string) ([]int, error) {
	var out []int
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a list of positive numbers", list)
		}
		out = append(out, n)
	}
	return out, nil
}

func run(ctx context.Context, o options) (err error) {
	var targets []*target
	defer func() {
		for _, t := range targets {
			err = errors.Join(err, t.stop())
		}
	}()
	const leastReceivers = 16 // one sender alone would fill one mailbox
	most := leastReceivers
	for _, n := range o.senders {
		most = max(most, n)
	}
	for _, n := range o.nodes {
		t, err := startTarget(ctx, o.binary, n)
		if err != nil {
			return fmt.Errorf("%d nodes: %w", n, err)
		}
		targets = append(targets, t)
		if err := t.register(ctx, most); err != nil {
			return fmt.Errorf("%d nodes: %w", n, err)
		}
	}
	fmt.Printf("%d-byte bodies, %d to a call, %d cores, %s; median of %d rounds of %s each\n",
		o.size, o.batch, runtime.NumCPU(), runtime.Version(), o.rounds, o.round)
	fmt.Printf("%8s %6s %12s %10s %10s %10s\n", "senders", "nodes", "messages/s", "p50", "p99", "ratio")
	for _, senders := range o.senders {
		if err := compare(ctx, o, targets, senders); err != nil {
			return err
		}
	}
	return nil
}

// compare lets the clusters take turns and prints a line for each.
func compare(ctx context.Context, o options, targets []*target, senders int) error {
	rounds := make([][]sample, len(targets))
	for range o.rounds {
		for i, t := range targets {
			s, err := t.load(ctx, senders, o)
			if err != nil {
				return fmt.Errorf("%d senders, %d nodes: %w", senders, t.nodes, err)
			}
			rounds[i] = append(rounds[i], s)
		}
	}
	base := median(rounds[0])
	for i, t := range targets {
		m := median(rounds[i])
		fmt.Printf("%8d %6d %12.0f %10s %10s %9.2fx", senders, t.nodes, m.rate, short(m.p50), short(m.p99), m.rate/base.rate)
		if m.again > 0 {
			fmt.Printf("  (%d calls repeated)", m.again)
		}
		fmt.Println()
	}
	return nil
}

func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
