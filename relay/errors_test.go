package relay

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// statuses reads the constants from their source, so that a new one cannot be forgotten.
func statuses(t *testing.T) map[string]command.Status {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../fsm/command/result.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]command.Status{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Status" {
			return true
		}
		v, err := strconv.Atoi(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all[spec.Names[0].Name] = command.Status(v)
		return true
	})
	if len(all) < 23 {
		t.Fatalf("only %d statuses found", len(all))
	}
	return all
}

func TestEveryStatusHasItsAnswer(t *testing.T) {
	for name, status := range statuses(t) {
		err := statusError(status)
		if status.OK() {
			if err != nil || refusals[status] != 0 {
				t.Errorf("%s: a success with the error %v", name, err)
			}
			continue
		}
		var e *api.Error
		if !errors.As(err, &e) {
			t.Errorf("%s has no code", name)
		} else if refusal := e.Code >= 40000 && e.Code < 50000; !refusal && e.Code != api.CodeOverloaded {
			t.Errorf("%s has the code %d", name, e.Code)
		}
	}
	for _, status := range []command.Status{0, 99, 255} {
		if err := statusError(status); err == nil || !internal(err) {
			t.Errorf("status %d gives %v", status, err)
		}
	}
}

func TestEveryFaultOfTheInputHasACodeAndShowsItsField(t *testing.T) {
	var codes []api.Code
	for _, row := range inputCodes {
		err := inputError("field", fmt.Errorf("wrapped: %w", row.err))
		wantCode(t, err, row.code)
		if e := asAPI(err); e.Err != nil || len(e.Detail) < len("field: ") || e.Detail[:7] != "field: " {
			t.Errorf("%v: detail %q", row.err, e.Detail)
		}
		if row.code < 40000 || row.code >= 50000 {
			t.Errorf("%v has the code %d", row.err, row.code)
		}
		codes = append(codes, row.code)
	}
	for code := api.CodeBadToken; code <= api.CodeBadKey; code++ {
		if !slices.Contains(codes, code) {
			t.Errorf("nothing gives %d", code)
		}
	}
	if err := inputError("field", errors.New("disk")); !internal(err) {
		t.Error("an unknown error is shown")
	}
}

func TestFailuresBelowKeepTheirIdentity(t *testing.T) {
	for err, want := range map[error]api.Code{
		ErrNoLeader: api.CodeNoLeader, ErrOverloaded: api.CodeOverloaded,
		ErrOutcomeUnknown: api.CodeUnknownOutcome, ErrTooLarge: api.CodeBodyTooLarge,
		context.Canceled: api.CodeUnknownOutcome, context.DeadlineExceeded: api.CodeUnknownOutcome,
	} {
		got := clusterError(fmt.Errorf("wrapped: %w", err))
		wantCode(t, got, want)
		if !errors.Is(got, err) {
			t.Errorf("%v is lost", err)
		}
	}
	if err := clusterError(errors.New("disk")); !internal(err) {
		t.Error("an unknown error is shown")
	}
}
