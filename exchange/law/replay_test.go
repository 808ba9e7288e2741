package law_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/law"
	"github.com/kuayu/kuayu/internal/errs"
)

// TestHistories plays every history of testdata.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 14 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			tl, err := play(readFile(t, file))
			if err != nil {
				t.Fatal(err)
			}
			if err := tl.Err(file); err != nil {
				t.Error(err)
			}
		})
	}
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func play(b []byte) (*law.Timeline, error) {
	h, err := law.Parse(b)
	if err != nil {
		return nil, err
	}
	return law.Play(h)
}

const head = `title: t
law: [21]
matter: agreement
sharing: unconditional
steps:
  - {at: 2026-03-02 09:00, by: applicant, act: ask_office}
  - {at: 2026-03-02 09:10, by: applicant, act: office_consents}
  - at: 2026-03-02 15:05
    by: provider
    act: start_review
`

// TestDifferences: every kind of expectation can fail, and names its line.
func TestDifferences(t *testing.T) {
	for in, want := range map[string]string{
		"    expect: {state: ACTIVE}\n":                 "11 state ACTIVE REVIEWING",
		"    expect: {refused: agreement.transition}\n": "11 refused agreement.transition -",
		"    expect: {clocks: []}\n":                    "11 clocks - D3 2026-03-03 running provider",
		"    expect:\n      clocks:\n        - {clock: D3, due: 2026-03-04, holder: provider, is: running}\n":                                                                        "13 clocks D3 2026-03-04 running provider D3 2026-03-03 running provider",
		"    expect:\n      clocks:\n        - {clock: D3, due: 2026-03-03, holder: provider, is: running}\n        - {clock: D6, due: 2026-03-03, holder: provider, is: running}\n": "14 clocks D6 2026-03-03 running provider -",
		"  - {at: 2026-03-04 00:00, expect: {violations: []}}\n":                                                                                                                     "11 violations - P4",
		"  - {at: 2026-03-04 00:00, expect: {violations: [P4, P4]}}\n":                                                                                                               "11 violations P4 -",
		"  - {at: 2026-03-03 10:00, expect: {notices: []}}\n":                                                                                                                        "11 notices - 2026-03-03 09:00 today D3 to provider",
		"  - {at: 2026-03-03 10:00, by: provider, act: provision}\n":                                                                                                                 "11 refused - agreement.transition",
		"  - {at: 2026-03-03 10:00, by: applicant, act: refuse}\n":                                                                                                                   "11 refused - law.actor",
		"  - {at: 2026-03-03 10:00, by: applicant, act: dance}\n":                                                                                                                    "11 refused - law.act",
	} {
		tl, err := play([]byte(head + in))
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		d := tl.Difference
		if d == nil {
			t.Errorf("%q holds", in)
			continue
		}
		if got := fmt.Sprint(d.Line, " ", d.What, " ", d.Want, " ", d.Got); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
		if err := tl.Err("f.yaml"); !errors.Is(err, law.ErrDiffers) || !strings.Contains(errs.As(err).Zh, "f.yaml") {
			t.Error(err)
		}
	}
	if tl, err := play([]byte(strings.Replace(head, "steps:", "profile: {name: x}\nprofile_refused: deadline.looser\nsteps:", 1))); err != nil || tl.Difference == nil || tl.Difference.Line != 6 {
		t.Error(tl, err)
	}
}

// TestBadHistories: what is no history is refused with its line.
func TestBadHistories(t *testing.T) {
	step := "  - {at: 2026-03-02 16:00"
	for in, line := range map[string]int{
		"":                               1,
		"# nothing":                      1,
		"title: [":                       1,
		"\xff":                           1,
		"- a":                            1,
		head + "title: again\n":          11,
		head + "speed: 1\n":              11,
		head + "--- {}\n":                11,
		head + step + ", speed: 1}\n":    11,
		head + step + ", act: refuse}\n": 11,
		head + step + ", by: nobody, act: refuse}\n":                                             11,
		head + step + ", days: 3}\n":                                                             11,
		head + step + ", expect: {refused: x}}\n":                                                11,
		head + step + ", expect: &a {state: X}}\n":                                               11,
		head + "  - {at: 2026-03-02 15:04}\n":                                                    11,
		head + "  - {at: tomorrow}\n":                                                            11,
		head + "  - {at: 2056-03-02 15:04}\n":                                                    11,
		head + "  - {at: 2026-02-30 15:04}\n":                                                    11,
		head + step + ", by: provider, act: refuse, reason: " + strings.Repeat("x", 401) + "}\n": 11,
		head + strings.Repeat("  - {at: 2026-03-02 16:00}\n", 500):                               5,
		head + "holidays: |\n  notice,date,kind,name\n  2027,2027-13-01,off,x\n":                 11,
		strings.Replace(head, "title: t\n", "", 1):                                               1,
		strings.Replace(head, "law: [21]\n", "", 1):                                              1,
		strings.Replace(head, "agreement", "marriage", 1):                                        3,
		strings.Replace(head, "sharing: unconditional", "sharing: none", 1):                      4,
		strings.Replace(head, "matter: agreement", "matter: catalog", 1):                         4,
		"title: t\nlaw: [21]\nmatter: correction\n":                                              1,
		"title: " + strings.Repeat("[", 50) + strings.Repeat("]", 50):                            1,
		head + strings.Repeat("#", 256<<10):                                                      1,
	} {
		_, err := law.Parse([]byte(in))
		if !errors.Is(err, law.ErrHistory) || !strings.Contains(errs.As(err).En, fmt.Sprintf("line %d: ", line)) {
			t.Errorf("%.300q: %v, want line %d", in, err, line)
		}
	}
	if _, err := play([]byte(strings.Replace(head, "steps:", "profile: {name: x, speed: 1}\nsteps:", 1))); err == nil {
		t.Error("an unknown member of a profile passed")
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(string(readFile(f, file)))
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := law.Parse([]byte(s))
		if err != nil {
			if !errors.Is(err, law.ErrHistory) {
				t.Fatal(err)
			}
			return
		}
		if tl, err := law.Play(h); err == nil && tl.Difference != nil && tl.Difference.Line < 1 {
			t.Fatal(tl.Difference)
		}
	})
}

// TestDocumentedHistory: the example of docs/law-histories.md holds.
func TestDocumentedHistory(t *testing.T) {
	_, rest, _ := strings.Cut(string(readFile(t, "../../docs/law-histories.md")), "```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no example")
	}
	tl, err := play([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if err := tl.Err("docs/law-histories.md"); err != nil {
		t.Error(err)
	}
}
