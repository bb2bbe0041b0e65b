package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// A token and the key that verifies it: the registration sample of 2019.
const (
	sampleKey   = `{"use":"sig","kty":"EC","crv":"P-256","x":"u4wFVIj_n-BLro_jeD5UbSTK_WzLlIXMlDtfaZkt2Sc","y":"WYfMvuWlZEW_onH-2uaIdBaW71S2UhD9mVvbPU4YbMQ"}`
	sampleToken = "eyJhbGciOiJFUzI1NiIsImlhdCI6MTU2OTExNjMzNCwia2lkIjoiL3h3bnJnY1prU2VNcFZETklBOWZMeW5lZFZFd3F1QUZKRDUzWnpMS1YtRTAiLCJ0Z3QiOiIvdjEvaWRlbnRpdHkjbWV0YVB1YmxpYyJ9" +
		".eyJpZGVudGl0eVR5cGUiOiJ1c2VyIn0.xXVbdM-joJAAi52gjUhxPspoJXNk1lPp10JJcZoGHJnzoXBzy_4-OSO--OOF4tXff1ftpO9fR0ANrDNBprGJxw"
)

// testOnce runs the self-test until it has passed once (section 11): a known
// signature verifies, secrets seal and open, and the store is written through the
// log and read behind a barrier, which needs a leader and a majority.
func (n *Node) testOnce(ctx context.Context) {
	if n.selfTested.Load() {
		return
	}
	if err := n.selfTest(ctx); err != nil {
		n.log.Debug("self-test not passed yet", "err", err)
		return
	}
	n.selfTested.Store(true)
	n.log.Info("node is ready", "url", n.url)
}

func (n *Node) selfTest(ctx context.Context) error {
	if err := verifySample(n.domain); err != nil {
		return fmt.Errorf("known signature: %w", err)
	}
	if err := n.trySealer(); err != nil {
		return fmt.Errorf("sealing: %w", err)
	}
	if err := n.tryStore(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// tryStore writes a command that changes nothing through the log, and reads the
// store as of that entry and behind a barrier.
func (n *Node) tryStore(ctx context.Context) error {
	nothing, err := command.Encode(&command.Expire{Meta: command.Meta{At: uint64(n.opts.Now().UnixNano())}})
	if err != nil {
		return err
	}
	_, index, err := n.cluster.Propose(ctx, nothing)
	if err != nil {
		return err
	}
	if err := n.cluster.Barrier(ctx); err != nil {
		return err
	}
	view, err := n.machine.View()
	if err != nil {
		return err
	}
	if view.Applied() < index {
		err = fmt.Errorf("a barrier let a read of entry %d see entry %d only", index, view.Applied())
	}
	return errors.Join(err, view.Close())
}

func verifySample(d address.Domain) error {
	key, err := jose.ParsePublicKey([]byte(sampleKey), jose.Sig)
	if err != nil {
		return err
	}
	token, err := jose.ParseToken(sampleToken, d)
	if err != nil {
		return err
	}
	return token.Verify(key)
}

func (n *Node) trySealer() error {
	plain := []byte("self-test")
	sealed, err := n.sealer.Seal(plain)
	if err != nil {
		return err
	}
	opened, err := n.sealer.Open(sealed)
	if err == nil && !bytes.Equal(opened, plain) {
		err = errors.New("what was sealed opens as something else")
	}
	return err
}
