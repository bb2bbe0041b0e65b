package cluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// hclogger gives raft's lines to slog. What raft calls an error is mostly a
// node that does not answer, which is no reason to look, so errors become
// warnings; failures that need a person come through Config.Fatal.
type hclogger struct {
	log  *slog.Logger
	name string
	args []any
}

var _ hclog.Logger = hclogger{}

func slogLevel(l hclog.Level) slog.Level {
	switch {
	case l >= hclog.Warn:
		return slog.LevelWarn
	case l == hclog.Info:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

func (h hclogger) Log(level hclog.Level, msg string, args ...any) {
	l := slogLevel(level)
	if !h.log.Enabled(context.Background(), l) {
		return
	}
	plain := make([]any, len(args))
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 { // a format and its arguments
			a = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
		plain[i] = a
	}
	h.log.Log(context.Background(), l, msg, plain...)
}

func (h hclogger) Trace(msg string, args ...any) { h.Log(hclog.Trace, msg, args...) }
func (h hclogger) Debug(msg string, args ...any) { h.Log(hclog.Debug, msg, args...) }
func (h hclogger) Info(msg string, args ...any)  { h.Log(hclog.Info, msg, args...) }
func (h hclogger) Warn(msg string, args ...any)  { h.Log(hclog.Warn, msg, args...) }
func (h hclogger) Error(msg string, args ...any) { h.Log(hclog.Error, msg, args...) }

func (h hclogger) enabled(l hclog.Level) bool {
	return h.log.Enabled(context.Background(), slogLevel(l))
}
func (h hclogger) IsTrace() bool        { return h.enabled(hclog.Trace) }
func (h hclogger) IsDebug() bool        { return h.enabled(hclog.Debug) }
func (h hclogger) IsInfo() bool         { return h.enabled(hclog.Info) }
func (h hclogger) IsWarn() bool         { return h.enabled(hclog.Warn) }
func (h hclogger) IsError() bool        { return h.enabled(hclog.Error) }
func (h hclogger) ImpliedArgs() []any   { return h.args }
func (h hclogger) Name() string         { return h.name }
func (h hclogger) SetLevel(hclog.Level) {} // slog's handler decides

func (h hclogger) GetLevel() hclog.Level {
	for _, l := range []hclog.Level{hclog.Debug, hclog.Info, hclog.Warn} {
		if h.enabled(l) {
			return l
		}
	}
	return hclog.Off
}

func (h hclogger) With(args ...any) hclog.Logger {
	return hclogger{log: h.log.With(args...), name: h.name, args: append(h.args[:len(h.args):len(h.args)], args...)}
}

func (h hclogger) Named(name string) hclog.Logger {
	if h.name != "" {
		name = h.name + "." + name
	}
	return h.ResetNamed(name)
}

func (h hclogger) ResetNamed(name string) hclog.Logger {
	return hclogger{log: h.log, name: name, args: h.args}
}

func (h hclogger) StandardLogger(o *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(h.StandardWriter(o), "", 0)
}

func (h hclogger) StandardWriter(*hclog.StandardLoggerOptions) io.Writer { return lines{h.log} }

// memberlistLogger gives memberlist's lines to slog.
func memberlistLogger(l *slog.Logger) *log.Logger { return log.New(lines{l}, "", 0) }

// lines turns lines of "[LEVEL] text" into log lines. Their text varies, so it
// is a field.
type lines struct{ log *slog.Logger }

func (w lines) Write(line []byte) (int, error) {
	text, level := bytes.TrimSpace(line), slog.LevelDebug
	for mark, l := range map[string]slog.Level{
		"[ERR] ": slog.LevelWarn, "[ERROR] ": slog.LevelWarn, "[WARN] ": slog.LevelInfo,
		"[INFO] ": slog.LevelDebug, "[DEBUG] ": slog.LevelDebug,
	} {
		if rest, ok := bytes.CutPrefix(text, []byte(mark)); ok {
			text, level = rest, l
			break
		}
	}
	w.log.Log(context.Background(), level, "library says", "text", string(text))
	return len(line), nil
}
