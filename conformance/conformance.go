package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Credentials are an API key: its address and its secret as issued.
type Credentials struct {
	ID, Secret string
}

func (c Credentials) given() bool { return c.ID != "" && c.Secret != "" }

// Options say what to run, and against what.
type Options struct {
	// URLs are the bases of the nodes, "http://127.0.0.1:7780"; one at least.
	URLs []string
	// Key has the scopes identity and message.
	Key Credentials
	// Operator has the scope operator. Without it, what needs tenants of its own
	// is skipped.
	Operator Credentials
	// Run selects cases by id; nil is all.
	Run *regexp.Regexp
	// Parallel is how many cases run at a time; 0 is 8.
	Parallel int
	// Progress, if not nil, is told of each case as it ends, one call at a time.
	Progress func(Outcome)
}

const defaultParallel = 8

// ErrOptions: the options cannot be run with.
var ErrOptions = errors.New("conformance: bad options")

func (o Options) validate() error {
	var faults []error
	if len(o.URLs) == 0 {
		faults = append(faults, fmt.Errorf("%w: a URL is needed", ErrOptions))
	}
	for _, text := range o.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			faults = append(faults, fmt.Errorf("%w: %q is not the base URL of a node", ErrOptions, text))
		}
	}
	if !o.Key.given() {
		faults = append(faults, fmt.Errorf("%w: an API key with its secret is needed", ErrOptions))
	}
	return errors.Join(faults...)
}

// Case is one observable sentence of the page.
type Case struct {
	// ID is "<section>.<subject>.<what>"; it is stable.
	ID string
	// Says is the sentence, in short words.
	Says string

	needs need
	// last cases look at what all others were answered.
	last bool
	run  func(t *T)
}

// Section gives the section of the page, 1 to 12.
func (c Case) Section() string {
	section, _, _ := strings.Cut(c.ID, ".")
	return section
}

// need is what a case cannot do without.
type need int

const (
	needNothing need = iota
	needOperator
	needTLS
)

// missing gives why the case is skipped, or nothing.
func (n need) missing(o Options) string {
	switch {
	case n == needOperator && !o.Operator.given():
		return "no operator key was given"
	case n == needTLS && !strings.HasPrefix(o.URLs[0], "https:"):
		return "the URL has no TLS"
	}
	return ""
}

// the makes a case that needs nothing special.
func the(id, says string, run func(t *T)) Case { return Case{ID: id, Says: says, run: run} }

// withOperator makes a case that needs an operator key.
func withOperator(id, says string, run func(t *T)) Case {
	return Case{ID: id, Says: says, run: run, needs: needOperator}
}

// Cases gives all cases, by section and id. The caller owns the slice.
func Cases() []Case {
	all := slices.Concat(addressCases(), transportCases(), keyCases(), tokenCases(), identityCases(), messageCases(),
		streamCases(), socketCases(), packageCases(), groupCases(), tenantCases(), eventCases(), opsCases(), codeCases())
	slices.SortStableFunc(all, func(a, b Case) int {
		return cmp.Or(cmp.Compare(sectionNumber(a), sectionNumber(b)), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func sectionNumber(c Case) (n int) {
	_, _ = fmt.Sscan(c.Section(), &n) // a test holds that it is a number
	return n
}

// Result is what became of a case.
type Result string

// The results.
const (
	Passed  Result = "passed"
	Failed  Result = "failed"
	Skipped Result = "skipped"
)

// Outcome is a case with its result.
type Outcome struct {
	Case     Case
	Result   Result
	Reason   string // the first difference, or why it was skipped
	Took     time.Duration
	Attempts int
}

// Report has the outcomes in the order of the page.
type Report struct {
	URLs     []string
	Outcomes []Outcome
	Began    time.Time
	Took     time.Duration
}

// Count gives how many cases have the result.
func (r *Report) Count(want Result) (n int) {
	for _, o := range r.Outcomes {
		if o.Result == want {
			n++
		}
	}
	return n
}

// Run runs the selected cases. Errors: ErrOptions, also when no case is selected;
// that of ctx. A failed case is no error.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	cases := slices.DeleteFunc(Cases(), func(c Case) bool { return o.Run != nil && !o.Run.MatchString(c.ID) })
	if len(cases) == 0 {
		return nil, fmt.Errorf("%w: no case has such an id", ErrOptions)
	}
	s := newSuite(o)
	defer s.close()
	report := &Report{URLs: o.URLs, Outcomes: make([]Outcome, len(cases)), Began: time.Now()}
	for _, last := range []bool{false, true} {
		s.runAll(ctx, cases, last, report.Outcomes)
	}
	report.Took = time.Since(report.Began)
	return report, ctx.Err()
}
