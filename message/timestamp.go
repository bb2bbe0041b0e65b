package message

import (
	"math"
	"strconv"
	"time"
)

// Timestamp is the place of a message in its mailbox: nanoseconds since 1970,
// given out by the server, strictly increasing within a mailbox whatever the
// clocks do. On the wire it is a string, as it does not fit a JavaScript number.
type Timestamp uint64

// MaxTimestamp is the last one (in the year 2262): 63 bits, so that it fits the
// signed integers of every language.
const MaxTimestamp Timestamp = math.MaxInt64

// TimestampOf gives the Timestamp of a time. Times before 1970 give 0.
func TimestampOf(t time.Time) Timestamp {
	if t.Before(time.Unix(0, 0)) {
		return 0
	}
	if t.After(time.Unix(0, math.MaxInt64)) {
		return MaxTimestamp
	}
	return Timestamp(t.UnixNano())
}

// ParseTimestamp reads the decimal form: digits alone, no leading zero, at most
// MaxTimestamp. Errors: ErrTimestamp.
func ParseTimestamp(s string) (Timestamp, error) {
	if len(s) > 1 && s[0] == '0' {
		return 0, ErrTimestamp
	}
	// Base 10 admits neither underscores nor a sign; 63 bits bound the value.
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, ErrTimestamp
	}
	return Timestamp(n), nil
}

// String gives the decimal form.
func (t Timestamp) String() string { return strconv.FormatUint(uint64(t), 10) }

// Time gives the time that t names.
func (t Timestamp) Time() time.Time { return time.Unix(0, int64(min(t, MaxTimestamp))).UTC() }

// MarshalText gives the decimal form, so that JSON has a string.
func (t Timestamp) MarshalText() ([]byte, error) {
	return strconv.AppendUint(nil, uint64(t), 10), nil
}

// UnmarshalText reads the decimal form. Errors: ErrTimestamp.
func (t *Timestamp) UnmarshalText(b []byte) error {
	v, err := ParseTimestamp(string(b))
	if err != nil {
		return err
	}
	*t = v
	return nil
}
