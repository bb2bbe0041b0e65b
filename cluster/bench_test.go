package cluster

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// BenchmarkPropose stores proposals of 1 KiB on three nodes with disks, from
// many senders spread over the nodes. It is what the number of lanes was
// chosen by (docs/decisions/group-commit.md).
func BenchmarkPropose(b *testing.B) {
	for _, senders := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			nodes := benchCluster(b)
			cmd := make([]byte, 1<<10)
			copy(cmd, "key=")
			b.SetParallelism(max(1, senders/2)) // times GOMAXPROCS
			next := make(chan *Cluster, senders+2)
			for i := range cap(next) {
				next <- nodes[i%3]
			}
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				c := <-next
				for pb.Next() {
					if _, _, err := c.Propose(b.Context(), cmd); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proposals/s")
		})
	}
}

func benchCluster(b *testing.B) (nodes []*Cluster) {
	b.Helper()
	var peers []Peer
	var listeners []net.Listener
	for i := range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		listeners = append(listeners, l)
		peers = append(peers, Peer{ID: fmt.Sprint("n", i), NodeAddr: l.Addr().String()})
	}
	for i, p := range peers {
		c, err := Open(Config{
			NodeID: p.ID, Peers: peers, Bootstrap: true, NodeListener: listeners[i], DataDir: b.TempDir(),
			StateMachine: newToy(), Fatal: func(err error) { b.Error(err) }, Logger: quiet,
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		nodes = append(nodes, c)
	}
	for deadline := time.Now().Add(soon); ; {
		if nodes[0].Barrier(b.Context()) == nil {
			return nodes
		}
		if time.Now().After(deadline) {
			b.Fatal("no leader")
		}
	}
}
