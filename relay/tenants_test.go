package relay

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

func TestTheOperatorIsMadeOnceInTheLifeOfACluster(t *testing.T) {
	w := newWorld(t, 2)
	operator := w.bootstrap()
	wantCode(t, operator.Require(ScopeOperator), api.CodeOK)
	for _, n := range w.nodes {
		key, secret, created, err := n.EnsureOperator(t.Context())
		if err != nil || created || !key.IsZero() || !secret.Equal(jose.Secret{}.Text()) {
			t.Errorf("again: created %v, %v", created, err)
		}
	}
	w.setNoLeader(true)
	_, _, _, err := w.nodes[0].EnsureOperator(t.Context())
	wantCode(t, err, api.CodeNoLeader)
}

func TestTenantsAreMadeShownChangedAndListed(t *testing.T) {
	w := newWorld(t, 2)
	operator := w.bootstrap()
	lead, edge, ctx := w.nodes[0], w.nodes[1], t.Context()
	edge.setLag(true) // reads there must see it all the same
	off, name := false, "other"

	cust := must(lead.CreateCustomer(ctx, operator, api.NameRequest{Name: "acme"}))(t)
	if cust.Name != "acme" || !cust.Enabled || cust.Created != decimal(w.clock().Unix()) {
		t.Errorf("made %+v", cust)
	}
	if got := must(edge.Customer(ctx, operator, cust.Address))(t); got != cust {
		t.Errorf("shown %+v", got)
	}
	changed := must(lead.UpdateCustomer(ctx, operator, cust.Address, api.TenantPatch{Name: &name}))(t)
	if changed.Name != name || !changed.Enabled {
		t.Errorf("changed %+v", changed)
	}

	app := must(lead.CreateApplication(ctx, operator, cust.Address, api.NameRequest{Name: "shop"}))(t)
	if got := must(edge.Application(ctx, operator, app.Address))(t); got != app || app.Customer != cust.Address {
		t.Errorf("shown %+v", got)
	}
	if got := must(lead.UpdateApplication(ctx, operator, app.Address, api.TenantPatch{Enabled: &off}))(t); got.Enabled || got.Name != "shop" {
		t.Errorf("changed %+v", got)
	}

	key := must(lead.CreateKey(ctx, operator, app.Address, api.KeyRequest{
		Name: "k", Expires: "1900000000", Rate: &api.Rate{Requests: 7}, Scopes: []string{api.ScopeEvent, api.ScopeAdmin},
	}))(t)
	if key.Secret == "" || key.Expires != "1900000000" || key.Rate.Requests != 7 || !slices.Equal(key.Scopes, []string{"event", "admin"}) {
		t.Errorf("made %+v", key)
	}
	shown := must(edge.Key(ctx, operator, key.Address))(t)
	if shown.Secret != "" || shown.Customer != cust.Address || shown.Application != app.Address {
		t.Errorf("shown %+v", shown)
	}
	never := ""
	shown = must(lead.UpdateKey(ctx, operator, key.Address, api.KeyPatch{
		Name: &name, Enabled: &off, Expires: &never, Scopes: []string{api.ScopeMessage}, Rate: &api.Rate{Burst: 3},
	}))(t)
	if shown.Name != name || shown.Enabled || shown.Expires != "" || shown.Rate != (api.Rate{Burst: 3}) || !slices.Equal(shown.Scopes, []string{"message"}) {
		t.Errorf("changed %+v", shown)
	}
	plain := must(lead.CreateKey(ctx, operator, app.Address, api.KeyRequest{Name: "plain"}))(t)
	if !slices.Equal(plain.Scopes, []string{"identity", "message"}) {
		t.Errorf("the default is %v", plain.Scopes)
	}
	keys := must(edge.Keys(ctx, operator, app.Address, ListQuery{}))(t)
	if len(keys.Items) != 2 || keys.Items[0].Secret+keys.Items[1].Secret != "" || keys.More {
		t.Errorf("listed %+v", keys)
	}
	wantCode(t, lead.DeleteKey(ctx, operator, key.Address), api.CodeOK)
	_, err := edge.Key(ctx, operator, key.Address)
	wantCode(t, err, api.CodeNoTenant)
}

func TestAnAdminSeesAndChangesItsOwnCustomerAlone(t *testing.T) {
	w := newWorld(t, 1)
	operator := w.bootstrap()
	n, ctx := w.nodes[0], t.Context()
	mine, theirs := w.newTenant(operator, api.ScopeAdmin), w.newTenant(operator)
	name := "renamed"
	calls := map[string]func(c Caller, of tenant) error{
		"customer": func(c Caller, of tenant) error { _, err := n.Customer(ctx, c, of.customer); return err },
		"updateCustomer": func(c Caller, of tenant) error {
			_, err := n.UpdateCustomer(ctx, c, of.customer, api.TenantPatch{Name: &name})
			return err
		},
		"createApp": func(c Caller, of tenant) error {
			_, err := n.CreateApplication(ctx, c, of.customer, api.NameRequest{Name: "x"})
			return err
		},
		"apps": func(c Caller, of tenant) error {
			_, err := n.Applications(ctx, c, of.customer, ListQuery{})
			return err
		},
		"app": func(c Caller, of tenant) error { _, err := n.Application(ctx, c, of.app); return err },
		"updateApp": func(c Caller, of tenant) error {
			_, err := n.UpdateApplication(ctx, c, of.app, api.TenantPatch{Name: &name})
			return err
		},
		"createKey": func(c Caller, of tenant) error {
			_, err := n.CreateKey(ctx, c, of.app, api.KeyRequest{Name: "x"})
			return err
		},
		"keys": func(c Caller, of tenant) error { _, err := n.Keys(ctx, c, of.app, ListQuery{}); return err },
		"key":  func(c Caller, of tenant) error { _, err := n.Key(ctx, c, of.key); return err },
		"updateKey": func(c Caller, of tenant) error {
			_, err := n.UpdateKey(ctx, c, of.key, api.KeyPatch{Name: &name})
			return err
		},
		"rotate": func(c Caller, of tenant) error {
			_, err := n.RotateKey(ctx, c, of.key, api.RotateRequest{Overlap: 60})
			return err
		},
		"delete": func(c Caller, of tenant) error {
			key, err := n.CreateKey(ctx, operator, of.app, api.KeyRequest{Name: "to go"})
			if err != nil {
				return err
			}
			return n.DeleteKey(ctx, c, key.Address)
		},
	}
	for name, call := range calls {
		for who, tt := range map[string]struct {
			c    Caller
			of   tenant
			want api.Code
		}{
			"its admin": {mine.caller, mine, api.CodeOK}, "another's admin": {mine.caller, theirs, api.CodeNoTenant},
			"no admin": {theirs.caller, theirs, api.CodeScope}, "operator": {operator, theirs, api.CodeOK},
		} {
			if got := codeOf(t, call(tt.c, tt.of)); got != tt.want {
				t.Errorf("%s by %s: got %d, want %d", name, who, got, tt.want)
			}
		}
	}
	_, err := n.Customers(ctx, mine.caller, ListQuery{})
	wantCode(t, err, api.CodeScope)
	_, err = n.CreateCustomer(ctx, mine.caller, api.NameRequest{Name: "x"})
	wantCode(t, err, api.CodeScope)
	// Nobody gives more than it has.
	_, err = n.CreateKey(ctx, mine.caller, mine.app, api.KeyRequest{Name: "x", Scopes: []string{api.ScopeOperator}})
	wantCode(t, err, api.CodeScope)
}

func TestAScopeThatWasJustGivenIsKnownOnALaggingNode(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge, ctx := w.nodes[0], w.nodes[1], t.Context()
	edge.setLag(true)
	must(lead.UpdateKey(ctx, u.operator, u.key, api.KeyPatch{Scopes: []string{api.ScopeAdmin}}))(t)
	c := w.login(edge, u.key, u.secret)
	if c.Require(ScopeAdmin) == nil {
		t.Fatal("the node does not lag")
	}
	if _, err := edge.CreateApplication(ctx, c, u.customer, api.NameRequest{Name: "x"}); err != nil {
		t.Error(err)
	}
	c, err := edge.Authorize(ctx, c, ScopeAdmin)
	wantCode(t, err, api.CodeOK)
	wantCode(t, c.Require(ScopeAdmin), api.CodeOK)
	_, err = edge.Authorize(ctx, c, ScopeMessage)
	wantCode(t, err, api.CodeScope)
}

func TestAChangeThatCannotBeShownIsNotCalledUndone(t *testing.T) {
	w := newWorld(t, 1)
	operator := w.bootstrap()
	n := w.nodes[0]
	n.set(func() { n.afterErr = ErrNoLeader })
	_, err := n.CreateCustomer(t.Context(), operator, api.NameRequest{Name: "acme"})
	wantCode(t, err, api.CodeUnknownOutcome)
}

func TestTenantsRefuseWhatIsMissingOrWrong(t *testing.T) {
	w := newWorld(t, 1)
	operator := w.bootstrap()
	n, ctx := w.nodes[0], t.Context()
	u := w.newTenant(operator)
	empty, long, negative, huge := "", strings.Repeat("x", maxName+1), "-1", "253402300800"
	errs := map[string]struct {
		call func() error
		want api.Code
	}{
		"no name": {func() error { _, err := n.CreateCustomer(ctx, operator, api.NameRequest{}); return err }, api.CodeMissingField},
		"long name": {func() error {
			_, err := n.CreateApplication(ctx, operator, u.customer, api.NameRequest{Name: long})
			return err
		}, api.CodeBadValue},
		"key name": {func() error { _, err := n.CreateKey(ctx, operator, u.app, api.KeyRequest{}); return err }, api.CodeMissingField},
		"empty name": {func() error {
			_, err := n.UpdateCustomer(ctx, operator, u.customer, api.TenantPatch{Name: &empty})
			return err
		}, api.CodeBadValue},
		"app name": {func() error {
			_, err := n.UpdateApplication(ctx, operator, u.app, api.TenantPatch{Name: &long})
			return err
		}, api.CodeBadValue},
		"new name": {func() error { _, err := n.UpdateKey(ctx, operator, u.key, api.KeyPatch{Name: &empty}); return err }, api.CodeBadValue},
		"scope": {func() error {
			_, err := n.CreateKey(ctx, operator, u.app, api.KeyRequest{Name: "x", Scopes: []string{"root"}})
			return err
		}, api.CodeBadValue},
		"no scopes": {func() error {
			_, err := n.CreateKey(ctx, operator, u.app, api.KeyRequest{Name: "x", Scopes: []string{}})
			return err
		}, api.CodeBadValue},
		"less scopes": {func() error {
			_, err := n.UpdateKey(ctx, operator, u.key, api.KeyPatch{Scopes: []string{}})
			return err
		}, api.CodeBadValue},
		"expires": {func() error {
			_, err := n.CreateKey(ctx, operator, u.app, api.KeyRequest{Name: "x", Expires: "soon"})
			return err
		}, api.CodeBadValue},
		"negative": {func() error {
			_, err := n.UpdateKey(ctx, operator, u.key, api.KeyPatch{Expires: &negative})
			return err
		}, api.CodeBadValue},
		"too far": {func() error { _, err := n.UpdateKey(ctx, operator, u.key, api.KeyPatch{Expires: &huge}); return err }, api.CodeBadValue},
		"overlap": {func() error { _, err := n.RotateKey(ctx, operator, u.key, api.RotateRequest{Overlap: -1}); return err }, api.CodeBadValue},
		"long overlap": {func() error {
			_, err := n.RotateKey(ctx, operator, u.key, api.RotateRequest{Overlap: int(maxOverlap.Seconds()) + 1})
			return err
		}, api.CodeBadValue},
		"not an address": {func() error { _, err := n.Customer(ctx, operator, "x"); return err }, api.CodeBadAddress},
		"another's kind": {func() error { _, err := n.Application(ctx, operator, u.customer); return err }, api.CodeBadAddress},
		"foreign":        {func() error { _, err := n.Key(ctx, operator, u.key[:21]+"@elsewhere.org"); return err }, api.CodeOtherDomain},
		"unknown customer": {func() error {
			_, err := n.CreateApplication(ctx, operator, address.New(address.Customer).Local(), api.NameRequest{Name: "x"})
			return err
		}, api.CodeNoTenant},
		"unknown key": {func() error { return n.DeleteKey(ctx, operator, address.New(address.APIKey).Local()) }, api.CodeNoTenant},
		"limit":       {func() error { _, err := n.Customers(ctx, operator, ListQuery{Limit: -1}); return err }, api.CodeBadValue},
	}
	for name, tt := range errs {
		if got := codeOf(t, tt.call()); got != tt.want {
			t.Errorf("%s: got %d, want %d", name, got, tt.want)
		}
	}
}

func TestListsArePagedWithoutSkipOrRepeat(t *testing.T) {
	w := newWorld(t, 1)
	operator := w.bootstrap()
	n, ctx := w.nodes[0], t.Context()
	for range 6 {
		must(n.CreateCustomer(ctx, operator, api.NameRequest{Name: "x"}))(t)
	}
	all := must(n.Customers(ctx, operator, ListQuery{Limit: maxList + 1}))(t)
	var paged []api.Customer
	q := ListQuery{Limit: 2}
	for more := true; more; {
		page := must(n.Customers(ctx, operator, q))(t)
		if len(page.Items) > 2 {
			t.Fatalf("a page of %d", len(page.Items))
		}
		paged, q.Cursor, more = append(paged, page.Items...), page.Last, page.More
	}
	if len(all.Items) != 7 || all.More || !slices.Equal(paged, all.Items) {
		t.Errorf("%d in all, %d in pages", len(all.Items), len(paged))
	}
	// A cursor is good for its own list alone.
	cust := all.Items[0].Address
	for _, cursor := range []string{"x", q.Cursor[1:], q.Cursor + "A", strings.ToLower(q.Cursor)} {
		_, err := n.Customers(ctx, operator, ListQuery{Cursor: cursor})
		wantCode(t, err, api.CodeBadCursor)
	}
	_, err := n.Applications(ctx, operator, cust, ListQuery{Cursor: q.Cursor})
	wantCode(t, err, api.CodeBadCursor)
	a, b := must(n.domain.Parse(cust))(t), must(n.domain.Parse(all.Items[1].Address))(t)
	_, err = n.Applications(ctx, operator, cust, ListQuery{Cursor: listCursor(listApplications, b, a)})
	wantCode(t, err, api.CodeBadCursor)
	empty := must(n.Keys(ctx, operator, must(n.CreateApplication(ctx, operator, cust, api.NameRequest{Name: "x"}))(t).Address, ListQuery{}))(t)
	if empty.Items == nil || len(empty.Items) != 0 || empty.More || empty.Last != "" {
		t.Errorf("empty: %+v", empty)
	}
}

func FuzzListCursor(f *testing.F) {
	parent, last := address.New(address.Customer), address.New(address.Application)
	good := listCursor(listApplications, parent, last)
	for _, seed := range []string{"", good, good[1:], good + "\n", strings.ToUpper(good)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		after, err := parseListCursor(text, listApplications, parent)
		if err != nil {
			wantCode(t, err, api.CodeBadCursor)
		} else if text != "" && listCursor(listApplications, parent, after) != text {
			t.Errorf("%q is another form of a cursor", text)
		}
	})
}

func TestExpiryGoesStepByStep(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	for range 5 {
		fill(w, u.caller, a, b, 250)
	}
	w.advance(2 * 3600e9)
	steps := 1
	for more := must(n.Expire(t.Context()))(t); more; more = must(n.Expire(t.Context()))(t) {
		steps++
	}
	if steps < 2 {
		t.Errorf("%d steps", steps)
	}
	if ids := mailboxIDs(t, w, u.caller, b); len(ids) != 0 {
		t.Errorf("%d messages are left", len(ids))
	}
	if due := must(n.machine.Due(w.clock().Unix()))(t); due {
		t.Error("something is due still")
	}
	w.setNoLeader(true)
	_, err := n.Expire(t.Context())
	wantCode(t, err, api.CodeNoLeader)
}
