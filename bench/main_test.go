package main

import (
	"errors"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
)

func TestBadArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-nodes", "0"}, {"-senders", "1,x"}, {"-rounds", "0"}, {"-batch", "257"}, {"-seconds", "-1"}, {"-nonsense"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	o, err := parse([]string{"-seconds", "9", "-rounds", "3", "-senders", "1, 4"})
	if err != nil || o.round != 3*time.Second || len(o.senders) != 2 || o.senders[1] != 4 || len(o.nodes) != 2 {
		t.Errorf("%+v %v", o, err)
	}
}

// What a benchmark counts must have happened.
func TestOnlyAcceptedMessagesCount(t *testing.T) {
	for answer, code := range map[string]api.Code{
		`{"status":200,"code":20020,"body":[{"code":20022},{"code":20021}]}`:                        0,
		`{"status":200,"code":20020,"body":[{"code":20023},{"code":20022}]}`:                        0,
		`{"status":200,"code":20020,"body":[{"code":20022},{"code":42901,"err":"full"}]}`:           api.CodeMailboxFull,
		`{"status":503,"code":50300,"err":"no leader"}`:                                             api.CodeNoLeader,
		`{"status":200,"code":20020,"body":[{"code":20022}]}`:                                       -1,
		`{"status":200,"code":20020,"body":[{"code":20022},{"code":20016,"body":[{"ts":"1"}]}]}`:    api.CodeServedFromCache,
		`{"status":200,"code":20020,"body":[{"code":20022},{"code":20022},{"code":20022}],"x":"y"}`: -1,
		`not json`: -1,
	} {
		err := checkAnswer([]byte(answer), 2)
		var e *api.Error
		switch {
		case code == 0 && err != nil, code != 0 && err == nil:
			t.Errorf("%s: %v", answer, err)
		case code > 0 && (!errors.As(err, &e) || e.Code != code):
			t.Errorf("%s: %v, want %d", answer, err, code)
		}
	}
}

func TestTheMedianRoundIsPrinted(t *testing.T) {
	got := median([]sample{{rate: 5}, {rate: 1}, {rate: 3}})
	if got.rate != 3 {
		t.Errorf("%v", got)
	}
}
