package law_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/law"
	"github.com/kuayu/kuayu/support/deadline"
)

var update = flag.Bool("update", false, "write docs/law.md anew")

const (
	root = "../.."
	page = "docs/law.md"
)

// article is one demand of the law on software.
type article struct {
	art    string
	demand string
	does   string   // what Kuayu does; empty: nothing yet
	lacks  string   // what is missing; empty: nothing
	calls  string   // "folder: text": does is in service once a source of the folder has the text
	proof  []string // numbers of histories, and tests as folder.TestName
}

const (
	applies    = "support/process: k.e.Clocks.Apply("
	keeps      = "node: deadline.NewService"
	updates    = "exchange/catalog: act(deadline.Start, deadline.D1)"
	corrects   = "exchange/objection: start(deadline.D7)"
	supplies   = "exchange/agreement: Provider, AskSupplement"
	suspends   = "exchange/agreement: Provider, Suspend"
	configures = "node: deadline.ParseProfile"
	recounts   = "node: Deadlines.Recount("
	disposes   = "exchange/agreement: Consumer, ConfirmDisposal"
)

func articles() []article {
	return []article{
		{"2, 10", "government departments, and organisations the law puts beside them, provide and use", "departments of a node by their unified social credit code; each is provider and applicant, and a stranger to the others", "", "", []string{"demo.TestDepartmentsAreStrangers", "support/standard.TestVectors"}},
		{"8, 9", "one authority at each level: catalogues, extensions, disputes, inspections", "the role of the authority and its scope over a node's departments; it consents to every extension, and may suspend", "inspections and bulletins are not built", "", []string{"05", "07", "demo.TestAuthorityOfAnotherDepartment", "support/deadline.TestService"}},
		{"11, 20", "the head of the sharing office consents twice: before an application goes out, before an answer does", "two events of the process, and two people at the provider", "", "", []string{"01", "04", "exchange/agreement.TestWay", "demo.TestOneExchange"}},
		{"12", "catalogues of nation, region and department, versioned, by the national standard", "each node has its catalogue and reads the other members'; versions never change; the core metadata of the guide of 2017, checked as far as it is stated", "no cascade from county to nation; a code that is not of the guide's structure is told, not refused", "", []string{"demo.TestOneExchange", "exchange/catalog.TestVersions", "exchange/catalog.TestMetadata", "exchange/catalog.TestParseCode"}},
		{"13", "nine mandatory statements of an entry; two assessments and the approval of the head of the department", "the nine statements are checked, all faults told at once; no submission without the assessments that the version needs, on record with the digest of the document; the signature of the head of the department, who is not the submitter, is a sealed fact over the version", "", "", []string{"exchange/catalog.TestResourceCheck", "exchange/catalog.TestIntoTheCatalogue", "exchange/catalog.TestWay", "exchange/catalog.TestRefusedStoresNothing"}},
		{"14, 15", "one of three classes; not sharing only by law, administrative regulation or State Council decision; scope and purpose where conditional", "an entry or item that says otherwise is refused; an item may be stricter than its entry, and one that is not shared is granted to nobody; the negative list is made from the citations; P2 can be recorded by the authority", "conditions added in an application form are not searched for", "", []string{"exchange/catalog.TestResourceCheck", "exchange/catalog.TestMetadata", "exchange/catalog.TestLists", "demo.TestItemsThatAreNotShared"}},
		{"16", "the authority approves a catalogue and announces it", "the authority reviews, publishes and announces to the officers of all departments of the node, or rejects with reasons; what is to be withdrawn stays until the authority has it on file; a clock for the first approval, off unless the region names its days", "", "", []string{"exchange/catalog.TestIntoTheCatalogue", "exchange/catalog.TestWithdrawal", "exchange/catalog.TestClocksOf", "support/deadline.TestFreeClocks"}},
		{"17", "a catalogue is updated within 10 working days, 5 more with consent; reviewed and published within 2", "a change that is noted starts D1, the signature of an update ends it and starts D2, the publication ends that; one extension; violations P1 and A3; the version in force stays until the next one is published", "", updates, []string{"20", "21", "exchange/catalog.TestUpdates", "demo.TestCatalogueUpdate", "support/deadline.TestStatute"}},
		{"18", "quality over the whole life of the data", "", "", "", nil},
		{"19", "one source for each item, nothing collected twice", "the authority names the source department of an item; who describes it all the same is warned, and the authority sees the list; P3 and A1 are recorded by people alone", "whether a form asks citizens for what is shared is not looked at", "", []string{"exchange/catalog.TestOneItemOneSource"}},
		{"20", "an application states basis, scenario, scope, mode and time limit, and declares truth, lawfulness, necessity", "refused unless complete, all faults told at once; the agreement ends at its time limit by itself", "", "", []string{"25", "exchange/agreement.TestApplicationCheck", "demo.TestRefusals"}},
		{"20", "a list of what departments need that no entry offers (需求清单), and supply matched to it", "a demand takes the consent of the head, is listed with the members asked, assigned by their authorities and answered with an entry, a day or a reason; entries that seem to offer it are shown to both ends", "", "", []string{"demo.TestDemand"}},
		{"20, 21", "who shares the same thing with many need not consent anew to each application", "a scheme is one text for many agreements: the head of the provider gives a standing consent for its entries, the head of the applicant's office one for all applications; a zone's list takes the consent of the authority of every party, and each may leave at once", "a scheme is of one federation: no templates, nothing from other dataspaces", "", []string{"demo.TestZone", "demo.TestPointToMany"}},
		{"21", "an answer within 1 working day (unconditional) or 10 (conditional)", "clocks D3 and D4 from receipt to the answer with the head's consent; late is P4, and the authority is told", "", applies, []string{"01", "02", "03", "04", "14", "15", "27", "exchange/agreement.TestClocksOf", "exchange/agreement.TestClocksEnd"}},
		{"21", "one extension of at most 10 working days, with the authority's consent; the applicant is told", "D5: longer, without consent, twice or too late is refused", "", applies, []string{"05", "06", "07", "08", "demo.TestExtension"}},
		{"21", "everything missing is told once; incomplete papers are no ground for refusal; a refusal has reasons", "a second supplement, a refusal for incompleteness and one without reasons are refused", "", supplies, []string{"09", "10", "11", "demo.TestSupplement", "exchange/agreement.TestCheckRefusal"}},
		{"22", "data within 20 working days of the consent, by service interface, batch or file", "clock D6 from the consent to the first day data can flow; late is P4", "of the three modes the query is served", applies, []string{"12", "13", "28"}},
		{"24", "data returned to lower levels (回流), without conditions", "", "", "", nil},
		{"25", "use within scope and purpose, not handed on; a change needs the provider's consent", "purpose, items and rows are bound by the agreement and decided at both ends; a change of use takes officers and heads of both sides", "the risk of joining and accumulating results is not computed", "", []string{"26", "demo.TestChangeOfUse", "demo.TestProviderDecidesForItself", "demo.TestRefusals"}},
		{"26", "a correction is verified, made and fed back within 10 working days", "a sealed report starts clock D7 at both ends, late is P6; whoever else got the record is told; nothing waits for the answer", "", corrects, []string{"22", "23", "demo.TestCorrection", "demo.TestCorrectionOverdue"}},
		{"27", "misuse: suspended at once, rectified by a date, ended if not", "suspended at both ends, ordered, reported, resumed or ended; the order's date is a clock, late is R7", "", suspends, []string{"24", "demo.TestSuspension"}},
		{"27", "data is disposed of when the purpose is met", "ordered by the provider, certified by the head of the applicant's office; the order's date is a clock, late is R4", "", disposes, []string{"25", "29", "demo.TestLedgerAndDisposal"}},
		{"27", "a provider does not stop or change a running service on its own", "revoking needs reasons and leaves a fact at both ends; P7 can be recorded", "no filing with the authority", "", []string{"support/deadline.TestService"}},
		{"28", "disputes: negotiation, the authority (of both), the government", "a ladder both ends climb together, the resolver found from the two divisions; a clock for handling, off unless named; late is A2", "", "", []string{"demo.TestDispute", "exchange/objection.TestResolve", "support/deadline.TestFreeClocks"}},
		{"29", "scenario, process, effect, storage and destruction recorded, at least 3 years, open to authority and provider", "every use is a fact in evidence at both ends; a ledger of five parts for each agreement; clock D8 from the last record on", "", keeps, []string{"25", "demo.TestLedgerAndDisposal", "support/deadline.TestKeeper", "support/evidence.TestNothingAcknowledgedIsLost"}},
		{"30–32", "through the national system, no new one", "each node speaks the Dataspace Protocol to systems that are there", "no adapter of the national platform", "", nil},
		{"34", "who manages and who uses is responsible", "every hop is a signed fact that names node, department and actor", "", "", []string{"demo.TestOneExchange", "demo.TestReceiptShowsOneFact"}},
		{"35", "classes and grades, technical measures, emergencies", "grades of items and entries; masks; encryption and signatures on the way", "no incident desk", "", []string{"exchange/catalog.TestResourceCheck", "support/protect.TestMaskingNeverReveals"}},
		{"36", "contractors are supervised", "machine clients have keys, roles and an audit of sign-ins of their own", "no register of contractors", "", []string{"demo.TestEveryRouteRefusesTheWrongCaller"}},
		{"37", "personal information; complaints", "what was shared about a person is found by a keyed digest", "no desk for complaints", "", []string{"support/evidence.TestAnIDUsedTwiceHidesNothing"}},
		{"29, 38", "performance is measured, published, and counts for money", "violations are counted by member, department and code", "no indicators, no bulletins", keeps, []string{"support/deadline.TestService"}},
		{"39–41", "nine violations of providers, seven of users, three of authorities", "those with a clock are written when it runs out, with the clock as evidence; the others can be recorded by whoever finds them", "nothing looks for the others yet; whether lateness had a good reason is for people", keeps, []string{"02", "13", "21", "23", "24", "29", "support/deadline.TestStatute", "support/deadline.TestService"}},
		{"790: 12", "records of handing on personal information or important data, at least 3 years", "clock D9 at the provider, and the facts in evidence", "", keeps, []string{"25", "support/deadline.TestKeeper"}},
		{"local", "regions may be stricter than the Decree, never looser", "profiles by region; a looser one is refused with both figures", "one figure for each clock: none that depends on whether the data is on the platform already", configures, []string{"10", "18", "19", "support/deadline.TestProfiles", "support/deadline.TestLaws"}},
		{"calendar", "working days with holidays and make-up days of the yearly notices", "notices of 2018 to 2026 are known, others imported; beyond them weekdays count and a clock is provisional, dated anew when the notice is there", "", recounts, []string{"14", "15", "16", "17", "internal/workday.TestLaws", "support/deadline.TestNewNotice"}},
	}
}

// found reports whether a source of a folder, tests and this package's own table left out, has the text.
func found(t *testing.T, calls string) bool {
	t.Helper()
	dir, text, ok := strings.Cut(calls, ": ")
	if !ok {
		return calls == ""
	}
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") || filepath.Base(f) == "law.go" {
			continue
		}
		if strings.Contains(string(readFile(t, f)), text) {
			return true
		}
	}
	return false
}

// chronicle is a history with its name.
type chronicle struct {
	name, number string
	*law.History
	text string
}

func chronicles(t *testing.T) []chronicle {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []chronicle
	for _, f := range files {
		b := readFile(t, f)
		h, err := law.Parse(b)
		if err != nil {
			t.Fatal(f, err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		number, _, _ := strings.Cut(name, "-")
		out = append(out, chronicle{name, number, h, string(b)})
	}
	return out
}

// proven checks that every proof exists and, for a history, is about the article; it returns how the page names it.
func proven(t *testing.T, a *article, all []chronicle) string {
	t.Helper()
	var out []string
	for _, p := range a.proof {
		dir, test, isTest := strings.Cut(p, ".")
		if isTest {
			files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
			if err != nil || !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(string(readFile(t, f)), "\nfunc "+test+"(t *testing.T)") }) {
				t.Errorf("art. %s is said to be proven by %s, which does not exist", a.art, p)
			}
			out = append(out, "`"+p+"`")
			continue
		}
		i := slices.IndexFunc(all, func(c chronicle) bool { return c.number == p })
		if i < 0 {
			t.Errorf("art. %s is said to be proven by history %s, which does not exist", a.art, p)
			continue
		}
		out = append(out, "["+p+"](../exchange/law/testdata/"+all[i].name+".yaml)")
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, " ")
}

func (a *article) state(t *testing.T) (state, text string) {
	t.Helper()
	switch {
	case a.does == "":
		return "**not built**", "nothing yet"
	case !found(t, a.calls):
		state, text = "**partly**", a.does+". **Not in service yet**: the node does not do this by itself"
	case a.lacks != "":
		state, text = "**partly**", a.does
	default:
		return "built", a.does
	}
	if a.lacks != "" {
		text += ". **Missing**: " + a.lacks
	}
	return state, text
}

// TestLawPage: docs/law.md is what this file, the statute and the histories say.
func TestLawPage(t *testing.T) {
	all := chronicles(t)
	var b strings.Builder
	b.WriteString(`# The law, and what Kuayu does

Generated by ` + "`make generate`" + ` from ` + "`exchange/law/page_test.go`" + `, the table of clocks in ` + "`support/deadline`" + ` and the histories in
` + "`exchange/law/testdata`" + `; do not edit. Articles are those of the Regulation on Government Data Sharing (政务数据共享条例, State
Council Decree 809), or of the Network Data Security Regulation (网络数据安全管理条例, Decree 790) where it says so. The page is about
software; it is no legal advice. A proof that does not exist fails a test.

| article | demands | what Kuayu does | state | proof |
|---|---|---|---|---|
`)
	used := map[string]bool{}
	for _, a := range articles() {
		state, text := a.state(t)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", a.art, a.demand, text, state, proven(t, &a, all))
		for _, p := range a.proof {
			used[p] = true
		}
	}
	clockTable(t, &b, all)
	violationTable(&b)
	b.WriteString("\n## The histories\n\nPlayed by `kuayu law replay FILE`; the format is in `docs/law-histories.md`.\n\n| history | articles | what it shows |\n|---|---|---|\n")
	for _, c := range all {
		if !used[c.number] {
			t.Errorf("history %s proves no article: name it in articles()", c.name)
		}
		arts := make([]string, len(c.Law))
		for i, n := range c.Law {
			arts[i] = strconv.Itoa(n)
		}
		fmt.Fprintf(&b, "| [%s](../exchange/law/testdata/%s.yaml) | %s | %s |\n", c.name, c.name, strings.Join(arts, ", "), c.Title)
	}
	file := filepath.Join(root, filepath.FromSlash(page))
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(readFile(t, file)) != b.String() {
		t.Errorf("%s is not what the sources say; run make generate", page)
	}
}

func clockTable(t *testing.T, b *strings.Builder, all []chronicle) {
	t.Helper()
	b.WriteString("\n## The clocks\n\nWorking days; the day of receipt is not counted, and a clock is kept until the end of its last day at UTC+8.\n\n" +
		"| clock | article | what | period | extension | who must act | violation | histories |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range deadline.Statute() {
		period, extension, art := "named by region or act", "–", strconv.Itoa(r.Article)
		switch {
		case len(r.Extends) > 0:
			period = fmt.Sprintf("at most +%d days", r.Days)
		case r.Days == 1:
			period = "1 day"
		case r.Days > 0:
			period = fmt.Sprintf("%d days", r.Days)
		case r.Years > 0:
			period = fmt.Sprintf("at least %d years", r.Years)
		}
		if r.Extension > 0 {
			extension = fmt.Sprintf("+%d days once, consent of the %s", r.Extension, r.Consent)
		}
		if r.Law != "809" {
			art = r.Law + ": " + art
		}
		var in []string
		for _, c := range all {
			if regexp.MustCompile(`clock: ` + string(r.ID) + `\b`).MatchString(c.text) {
				in = append(in, c.number)
			}
		}
		if len(in) == 0 && r.Days > 0 && len(r.Extends) == 0 {
			t.Errorf("no history has clock %s", r.ID)
		}
		fmt.Fprintf(b, "| %s | %s | %s %s | %s | %s | %s | %s | %s |\n", r.ID, art, r.Zh, r.En, period, extension, r.Actor, dash(string(r.Code)), dash(strings.Join(in, " ")))
	}
}

func violationTable(b *strings.Builder) {
	b.WriteString("\n## The violations\n\n| code | article | 中文 | English | written |\n|---|---|---|---|---|\n")
	for _, o := range deadline.Offences() {
		var by []string
		for _, r := range deadline.Statute() {
			if r.Code == o.Code {
				by = append(by, string(r.ID))
			}
		}
		how := "by whoever finds it: `deadline.Service.Raise`"
		if len(by) > 0 {
			how = "when " + strings.Join(by, ", ") + " runs out"
		}
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s |\n", o.Code, o.Article, o.Zh, o.En, how)
	}
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
