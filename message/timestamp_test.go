package message_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/message"
)

func TestTimestampsAreDecimalStrings(t *testing.T) {
	for _, ts := range []message.Timestamp{0, 1, 1569116334295433531, message.MaxTimestamp} {
		s := strconv.FormatUint(uint64(ts), 10)
		if back, err := message.ParseTimestamp(s); err != nil || back != ts || ts.String() != s {
			t.Errorf("%d: written %s, read %d, %v", uint64(ts), ts, back, err)
		}
		b, err := json.Marshal(map[string]message.Timestamp{"ts": ts})
		if err != nil || string(b) != `{"ts":"`+s+`"}` {
			t.Errorf("JSON %s, %v", b, err)
		}
		var back map[string]message.Timestamp
		if err := json.Unmarshal(b, &back); err != nil || back["ts"] != ts {
			t.Errorf("JSON %s read as %v, %v", b, back, err)
		}
	}
}

func TestOtherTextsAreNoTimestamps(t *testing.T) {
	for _, s := range []string{"", " ", "+1", "-1", "-0", "01", "00", "1_000", "0x1", "1e9", "1.0", " 1", "1 ", "9223372036854775808", "18446744073709551616", strings.Repeat("9", 1000), "١", "1\n"} {
		if _, err := message.ParseTimestamp(s); !errors.Is(err, message.ErrTimestamp) {
			t.Errorf("%q: got %v, want ErrTimestamp", s, err)
		}
	}
	var ts message.Timestamp
	if err := json.Unmarshal([]byte(`"01"`), &ts); err == nil {
		t.Error("JSON takes a leading zero")
	}
	if err := json.Unmarshal([]byte(`1`), &ts); err == nil {
		t.Error("JSON takes a number")
	}
}

func TestTimestampsKeepTheNanosecond(t *testing.T) {
	at := time.Unix(1569116334, 295433531)
	if ts := message.TimestampOf(at); ts != 1569116334295433531 || !ts.Time().Equal(at) {
		t.Errorf("%s, %s", ts, ts.Time())
	}
	if ts := message.TimestampOf(time.Unix(-1, 0)); ts != 0 {
		t.Errorf("before 1970: %s", ts)
	}
	if ts := message.TimestampOf(time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)); ts != message.MaxTimestamp {
		t.Errorf("after 2262: %s", ts)
	}
	if at := message.Timestamp(1 << 63).Time(); at.Year() != 2262 {
		t.Errorf("beyond the last: %s", at)
	}
}

func FuzzParseTimestamp(f *testing.F) {
	for _, s := range []string{"0", "1569116334295433531", "9223372036854775807", "01", "-1", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ts, err := message.ParseTimestamp(s)
		if err != nil {
			if !errors.Is(err, message.ErrTimestamp) {
				t.Fatalf("an error that is not promised: %v", err)
			}
			return
		}
		if ts.String() != s || ts > message.MaxTimestamp {
			t.Fatalf("%q read as %s", s, ts)
		}
	})
}
