package httpapi

import (
	"context"

	"github.com/nixnode/nixnode/api"
)

// recoveryItem is the name under which the recovery endpoints keep their data
// (section 5).
const recoveryItem = "recovery"

// storeData serves /me/recovery and /me/data/:name. The token is bound to the
// path that was used (section 5: tgt), so the path goes along.
func storeData(ctx context.Context, x *exchange) (answer, error) {
	req, err := decodeBody[api.DataRequest](x)
	if err != nil {
		return answer{}, err
	}
	return answer{}, x.h.service.StoreData(ctx, x.caller, x.path, dataName(x), req)
}

func showData(ctx context.Context, x *exchange) (answer, error) {
	return withBody(x.h.service.Data(ctx, x.caller, x.params["id"], dataName(x)))
}

func dataName(x *exchange) string {
	if name, ok := x.params["name"]; ok {
		return name
	}
	return recoveryItem
}

// send may fail as a whole with results in the body all the same (section 6).
func send(ctx context.Context, x *exchange) (answer, error) {
	req, err := decodeBody[api.SendRequest](x)
	if err != nil {
		return answer{}, err
	}
	a, err := x.h.service.Send(ctx, x.caller, req)
	if err != nil {
		return answer{}, err
	}
	return answer{code: a.Code, body: array(a.Results)}, nil
}

func fetch(ctx context.Context, x *exchange) (answer, error) {
	req, err := decodeBody[api.ProofRequest](x)
	if err != nil {
		return answer{}, err
	}
	page, err := x.h.service.Fetch(ctx, x.caller, req)
	if err != nil {
		return answer{}, err
	}
	return answer{body: array(page.Lines), first: page.First, last: page.Last, more: &page.More}, nil
}

func health(_ context.Context, x *exchange) (answer, error) {
	return condition(x.h.ops.Health()), nil
}

func ready(_ context.Context, x *exchange) (answer, error) {
	return condition(x.h.ops.Ready()), nil
}

// condition is a success only without reasons; else 503 with them.
func condition(reasons []string) answer {
	a := answer{body: api.Condition{Reasons: array(reasons)}}
	if len(reasons) > 0 {
		a.code = api.CodeNotReady
	}
	return a
}

func version(_ context.Context, x *exchange) (answer, error) {
	return answer{body: x.h.ops.Version()}, nil
}

func clusterStatus(_ context.Context, x *exchange) (answer, error) {
	status := x.h.ops.Cluster()
	status.Members = array(status.Members)
	return answer{body: status}, nil
}
