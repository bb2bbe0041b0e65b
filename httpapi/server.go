package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

// The limits of section 2 that net/http holds for us.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	// streamsPerConn is generous because listen streams of many identities may
	// share one HTTP/2 connection, beside the requests.
	streamsPerConn = 1000
	pingAfter      = 30 * time.Second
	pingTimeout    = 15 * time.Second
)

// NewServer makes the http.Server for a Handler, or one of OpsOnly, with all its
// limits; the caller adds TLS, serves and shuts down. It has no write timeout,
// which would cut streams: the handler sets a deadline for each write.
//
// logger gets what net/http complains of (bad TLS handshakes, and the like) as
// warnings. nil discards it.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: streamsPerConn,
			SendPingTimeout:      pingAfter,
			PingTimeout:          pingTimeout,
		},
		// "OPTIONS *" is answered by the handler like any other request.
		DisableGeneralOptionsHandler: true,
	}
}
