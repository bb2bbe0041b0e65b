package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/nixnode/nixnode/api"
)

// declaredCodes reads the constants of code.go, so that one without a row is noticed.
func declaredCodes(t *testing.T) map[string]api.Code {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]api.Code{}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 || len(v.Names) != 1 {
			return true
		}
		if lit, ok := v.Values[0].(*ast.BasicLit); ok {
			if n, err := strconv.Atoi(lit.Value); err == nil {
				codes[v.Names[0].Name] = api.Code(n)
			}
		}
		return true
	})
	return codes
}

func TestEveryCodeHasOneRowWithItsNameAndAFittingStatus(t *testing.T) {
	declared := declaredCodes(t)
	rows := api.Codes()
	if len(declared) < 70 || len(declared) != len(rows) {
		t.Fatalf("%d constants, %d rows", len(declared), len(rows))
	}
	if !slices.IsSortedFunc(rows, func(a, b api.CodeInfo) int { return int(a.Code - b.Code) }) {
		t.Error("the table is not in order")
	}
	for _, row := range rows {
		if declared["Code"+row.Name] != row.Code {
			t.Errorf("row %d is named %q, its constant is not", row.Code, row.Name)
		}
		if row.Text == "" || row.Code.Info() != row {
			t.Errorf("row %d: %+v", row.Code, row)
		}
		wantClass := map[int]int{1: 2, 2: 2, 4: 4, 5: 5}[int(row.Code)/10000]
		if wantClass != 0 && row.Status/100 != wantClass {
			t.Errorf("code %d goes with status %d", row.Code, row.Status)
		}
	}
}

// The statuses that the protocol page states in the form status/code.
func TestStatusesArePairedAsTheProtocolPageSays(t *testing.T) {
	for pair, status := range map[api.Code]int{
		40403: 404, 40003: 400, 60001: 421, 40000: 400, 41300: 413, 40101: 401, 40102: 401, 40103: 401, 40104: 401, 40105: 401, 40100: 401,
		40300: 403, 40301: 403, 40010: 400, 40011: 400, 40012: 401, 40013: 401, 40014: 400, 40015: 400, 40016: 401, 40017: 401, 40018: 401,
		40019: 400, 40900: 409, 40902: 409, 41000: 410, 40020: 400, 41301: 413, 40021: 400, 20020: 200, 20016: 200, 40401: 404, 42901: 429, 42900: 429,
	} {
		if pair.Status() != status {
			t.Errorf("code %d has status %d, the page says %d", pair, pair.Status(), status)
		}
	}
}

func TestACodeOfANewerServerIsStillUnderstood(t *testing.T) {
	for code, status := range map[api.Code]int{20999: 200, 40499: 404, 50399: 503, 61234: 500, 7: 500, -1: 500, 59999: 599} {
		if got := code.Info(); got.Status != status || got.Text == "" {
			t.Errorf("%d: %+v, want status %d", code, got, status)
		}
	}
}
