package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/internal/eventually"
)

// success demands a success of route r: an envelope with its code, or its media.
func (d *door) success(resp *http.Response, r httpapi.Route) {
	d.t.Helper()
	if r.Media == "" {
		d.reply(resp, r.Code)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != r.Code.Status() || resp.Header.Get("Content-Type") != r.Media {
		d.t.Errorf("%d, Content-Type %q; want %d, %q", resp.StatusCode, resp.Header.Get("Content-Type"), r.Code.Status(), r.Media)
	}
}

func TestRequestsAreCountedByRouteAndCodeAndRejectionsByReason(t *testing.T) {
	d := open(t, &fakeService{hook: func(_ context.Context, c call) error {
		switch c.method {
		case "Me":
			return api.Errorf(api.CodeRetiredIdentity, "")
		case "Ack":
			return errors.New("internal")
		case "Fetch":
			panic("a fault")
		}
		return nil
	}}, false)
	for _, ask := range []struct{ method, path, auth, body string }{
		{"GET", "/ops/version", "", ""},
		{"GET", "/ops/version", "", ""},
		{"GET", "/v1/identity/somebody", everything, ""},
		{"POST", "/v1/identity/me", everything, "{}"},
		{"POST", "/v1/messages/ack", everything, "{}"},
		{"POST", "/v1/messages/fetch", everything, "{}"},
		{"GET", "/v1/identity/somebody", "", ""},
		{"GET", "/v1/whatever/" + strings.Repeat("x", 100), "", ""},
		{"INVENTED", "/ops/version", "", ""},
	} {
		d.ask(ask.method, ask.path, ask.auth, ask.body).Body.Close()
	}
	// A request is counted after its answer is out.
	for _, want := range []string{
		`nixnode_http_requests_total{code="20001",route="ops.version"} 2`,
		`nixnode_http_requests_total{code="20012",route="identity.public"} 1`,
		`nixnode_http_requests_total{code="41000",route="identity.me"} 1`,
		`nixnode_http_requests_total{code="40100",route="identity.public"} 1`,
		`nixnode_http_requests_total{code="40400",route="none"} 1`,
		`nixnode_http_rejections_total{reason="RetiredIdentity"} 1`,
		`nixnode_http_rejections_total{reason="Internal"} 2`,
		`nixnode_http_rejections_total{reason="WrongMethod"} 1`,
		`nixnode_http_request_seconds_count{route="ops.version"} 2`,
		`nixnode_http_received_bytes_total 6`,
		`nixnode_http_panics_total 1`,
	} {
		eventually.True(t, 10*time.Second, func() bool { return strings.Contains(metricsOf(d), want+"\n") }, "%s is not there", want)
	}
}

func TestRequestsOnWebsocketsAreCountedByTheirOp(t *testing.T) {
	d := open(t, &fakeService{}, false)
	s := d.socket()
	s.say(`{"op":"ping","ref":1}`)
	s.answer(1.0, api.CodeOK)
	s.say(`{"op":"%s","ref":2}`, strings.Repeat("x", 50))
	for _, want := range []string{
		"nixnode_websockets 1", `nixnode_http_requests_total{code="20001",route="messages.ws.ping"} 1`,
		`nixnode_http_requests_total{code="40004",route="messages.ws.none"} 1`, `nixnode_http_rejections_total{reason="BadValue"} 1`,
	} {
		eventually.True(t, 10*time.Second, func() bool { return strings.Contains(metricsOf(d), want+"\n") }, "%s is not there", want)
	}
}

func metricsOf(d *door) string {
	d.t.Helper()
	resp := d.ask("GET", api.PathMetrics, "", "")
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// Whatever clients send, the series are those of the tables.
func TestClientsCannotMakeNewSeries(t *testing.T) {
	d := open(t, &fakeService{}, false)
	for _, path := range []string{"/a", "/b", "/v1/c", "/v1/identity/d", "/v1/identity/e"} {
		d.ask("GET", path, everything, "").Body.Close()
		d.ask("X"+path[1:2], path, "", "").Body.Close()
	}
	counted := `nixnode_http_requests_total{code="40400",route="none"} 6`
	eventually.True(t, 10*time.Second, func() bool { return strings.Contains(metricsOf(d), counted) }, "%s is not there", counted)
	for line := range strings.Lines(metricsOf(d)) {
		if strings.Contains(line, "_requests_total{") && !strings.Contains(line, `route="none"`) && !strings.Contains(line, `route="identity.public"`) && !strings.Contains(line, `route="ops.metrics"`) {
			t.Errorf("%s", line)
		}
	}
}

func TestMetricsThatCannotBeGatheredAreAnInternalError(t *testing.T) {
	d := open(t, &fakeService{}, false, func(o *httpapi.Options) {
		o.Gatherer = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("broken") })
	})
	d.reply(d.ask("GET", api.PathMetrics, "", ""), api.CodeInternal)
}

func TestTheMetricsOfTheDoorPassTheLint(t *testing.T) {
	d := open(t, &fakeService{}, false)
	d.ask("GET", "/none", "", "").Body.Close()
	for _, c := range d.handler.Metrics() {
		problems, err := testutil.CollectAndLint(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
