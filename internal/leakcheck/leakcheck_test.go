package leakcheck

import (
	"testing"
	"time"
)

func TestALeftGoroutineIsFound(t *testing.T) {
	stop := make(chan struct{})
	go func() { <-stop }()
	if await(time.Now()) == nil {
		t.Error("it was not")
	}
	close(stop)
	if err := await(time.Now().Add(patience)); err != nil {
		t.Error(err)
	}
}
