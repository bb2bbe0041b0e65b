package conformance

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// sections are the headings of the page.
var sections = map[string]string{
	"1": "Addresses", "2": "Transport and the envelope", "3": "Who is asking: API keys", "4": "What identities sign: tokens", "5": "Identities", "6": "Messages",
	"7": "Content packages", "8": "Routes and groups", "9": "Customers, applications, keys", "10": "Event stream", "11": "Operational endpoints", "12": "Codes",
}

// Write writes the report for people: by section, with each failure and why, and
// with every case if verbose. It gives the first error of w.
func (r *Report) Write(w io.Writer, verbose bool) error {
	var b strings.Builder
	for at := 0; at < len(r.Outcomes); {
		section := r.Outcomes[at].Case.Section()
		end := at
		for end < len(r.Outcomes) && r.Outcomes[end].Case.Section() == section {
			end++
		}
		part := Report{Outcomes: r.Outcomes[at:end]}
		fmt.Fprintf(&b, "%2s  %-32s %s\n", section, sections[section], part.counts())
		for _, o := range part.Outcomes {
			if verbose || o.Result == Failed {
				writeOutcome(&b, o)
			}
		}
		at = end
	}
	for _, o := range r.skips() {
		fmt.Fprintf(&b, "skipped: %s\n", o)
	}
	fmt.Fprintf(&b, "\n%s in %v, against %s\n", r.counts(), r.Took.Round(10*time.Millisecond), strings.Join(r.URLs, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}

func writeOutcome(w io.Writer, o Outcome) {
	fmt.Fprintf(w, "      %s %s: %s\n", o.Result, o.Case.ID, o.Case.Says)
	if o.Reason != "" {
		fmt.Fprintf(w, "           %s\n", strings.ReplaceAll(o.Reason, "\n", "\n           "))
	}
}

// skips gives each reason with how many cases were skipped for it.
func (r *Report) skips() (lines []string) {
	count, order := map[string]int{}, []string{}
	for _, o := range r.Outcomes {
		if o.Result != Skipped {
			continue
		}
		if count[o.Reason]++; count[o.Reason] == 1 {
			order = append(order, o.Reason)
		}
	}
	for _, reason := range order {
		lines = append(lines, fmt.Sprintf("%d, as %s", count[reason], reason))
	}
	return lines
}

func (r *Report) counts() string {
	text := fmt.Sprintf("%d of %d passed", r.Count(Passed), len(r.Outcomes))
	if n := r.Count(Failed); n > 0 {
		text += fmt.Sprintf(", %d FAILED", n)
	}
	if n := r.Count(Skipped); n > 0 {
		text += fmt.Sprintf(", %d skipped", n)
	}
	return text
}

// The elements of JUnit XML that its readers agree on.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	Time    string      `xml:"time,attr"`
	Failure *junitCause `xml:"failure"`
	Skipped *junitCause `xml:"skipped"`
}

type junitCause struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as JUnit XML, a suite for each section.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "nix conformance", Tests: len(r.Outcomes), Failures: r.Count(Failed), Skipped: r.Count(Skipped), Time: seconds(r.Took)}
	for _, o := range r.Outcomes {
		name := o.Case.Section() + " " + sections[o.Case.Section()]
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != name {
			all.Suites = append(all.Suites, junitSuite{Name: name, Timestamp: r.Began.UTC().Format("2006-01-02T15:04:05")})
		}
		all.Suites[len(all.Suites)-1].add(o)
	}
	for i := range all.Suites {
		var took time.Duration
		for _, o := range r.Outcomes {
			if strings.HasPrefix(all.Suites[i].Name, o.Case.Section()+" ") {
				took += o.Took
			}
		}
		all.Suites[i].Time = seconds(took)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(o Outcome) {
	c := junitCase{Class: "section" + o.Case.Section(), Name: o.Case.ID, Time: seconds(o.Took)}
	s.Tests++
	switch o.Result {
	case Failed:
		s.Failures++
		c.Failure = &junitCause{Message: o.Case.Says, Text: o.Reason}
	case Skipped:
		s.Skipped++
		c.Skipped = &junitCause{Message: o.Reason}
	}
	s.Cases = append(s.Cases, c)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
