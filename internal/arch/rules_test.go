package arch

// floors says how high a top-level folder stands. A package imports only from floors below its own.
var floors = map[string]int{
	"internal":  0,
	"support":   1,
	"exchange":  2,
	"warehouse": 3,
	"service":   4,
	"brain":     5,
	"pack":      6,
	"web":       7, "api": 7,
	"node": 8,
	"cmd":  9, "demo": 9, "bench": 9, "conformance": 9,
}

// edge is one permitted import within a floor.
type edge struct{ from, to, why string }

// edges are all permitted imports within a floor. Below the programs of floor 9, one that nothing uses any more fails
// the test, too.
var edges = []edge{
	// Floor 0: tools that know no noun of the domain.
	{"internal/dbtest", "internal/httpx", "the test server listens where nobody else will"},
	{"internal/db", "internal/errs", "what the database refuses reaches a person as a coded error"},
	{"internal/httpx", "internal/errs", "the one place where a kind of error becomes an HTTP status"},
	{"internal/httpx", "internal/ids", "a request without an identifier gets one"},
	{"internal/httpx", "internal/text", "the text of every request is checked before it is handled"},
	{"internal/text", "internal/errs", "text that is refused is refused by code"},
	{"internal/wire/wiretest", "internal/wire", "golden files are decoded as messages are"},
	{"internal/wire", "internal/errs", "a message without a version is refused by code"},
	{"internal/wire", "internal/httpx", "bodies are decoded as strictly as those of requests"},
	{"internal/queue", "internal/db", "jobs are rows, queued in the transaction of what caused them"},
	{"internal/queue", "internal/errs", "what can't be tried again is refused by code"},
	{"internal/queue", "internal/text", "a reason is text"},
	{"internal/queue", "internal/clock", "a job is due at a time that tests can move"},
	{"internal/workday", "internal/errs", "a calendar that does not reach far enough says so by code"},
	{"internal/disk/crashdisk", "internal/disk", "the disk that loses what was not flushed is another disk"},

	// Floor 1: seal ← federation ← evidence ← peer, and the rules about data.
	{"support/federation", "support/seal", "members are known by their keys, and keys are of a suite"},
	{"support/evidence", "support/seal", "a log is made of sealed facts"},
	{"support/evidence", "support/federation", "receipts and checkpoints are checked against the members' keys"},
	{"support/peer", "support/seal", "a message is a sealed fact"},
	{"support/peer", "support/federation", "who is called, where, and with which keys"},
	{"support/peer", "support/evidence", "what is sent and received is recorded, and every message witnesses"},
	{"support/identity", "support/standard", "a department is named by a unified social credit code that must be a real one"},
	{"support/deadline", "support/evidence", "a clock that runs out leaves a fact, in the same transaction"},
	{"support/deadline", "support/seal", "the fact names who acted"},
	{"support/checkup", "support/federation", "whether this member is in the constitution"},
	{"support/checkup", "support/seal", "under its own root key"},
	{"support/deadline", "support/identity", "the authority alone reminds a department"},
	{"support/notice", "support/identity", "a notice is for a department's officers who hold a role"},
	{"support/process", "support/deadline", "a step starts and stops the law's clocks"},
	{"support/process", "support/evidence", "a step leaves a fact, in the same transaction"},
	{"support/process", "support/seal", "the fact names who acted"},
	{"support/process", "support/identity", "the table says which roles may cause an event"},
	{"support/process", "support/notice", "an event notifies those whose turn it is"},
	{"support/process", "support/peer", "a step travels to the other end as a sealed message"},
	{"support/protect", "support/policy", "masks are part of the terms"},
	{"support/protect", "support/standard", "an address is masked down to the division it names"},

	// Floor 2: agreement → catalog → source; gateway over them; dataspace on top, and nobody imports it.
	{"exchange/catalog", "exchange/source", "an entry says where its rows are mounted"},
	{"exchange/agreement", "exchange/catalog", "an application is for an entry, and the entry sets its class and deadline"},
	{"exchange/law", "exchange/agreement", "histories are played by the machine that serves, not by a copy"},
	{"exchange/law", "exchange/catalog", "the class of a resource sets the clock of its applications"},
	{"exchange/law", "exchange/demand", "its process is on the pages that are made of all tables"},
	{"exchange/law", "exchange/objection", "corrections and disputes are played by the processes that serve"},
	{"exchange/gateway", "exchange/agreement", "a query runs under an agreement in force"},
	{"exchange/gateway", "exchange/catalog", "what is mounted behind a resource is found there"},
	{"exchange/gateway", "exchange/source", "the rows are read there"},
	{"exchange/objection", "exchange/agreement", "what is objected to was got, applied for or agreed under an agreement"},
	{"exchange/objection", "exchange/gateway", "whether a department asked for a record again is in the requests it recorded"},
	{"exchange/demand", "exchange/agreement", "a demand is closed with the application that was made for what it found"},
	{"exchange/demand", "exchange/catalog", "a department answers with an entry it has published"},
	{"exchange/scheme", "exchange/agreement", "a scheme is a text under which many agreements are made"},
	{"exchange/scheme", "exchange/catalog", "what a department joins with must be in its catalogue"},
	{"exchange/search", "exchange/catalog", "what is found are published entries"},
	{"exchange/dataspace", "exchange/search", "reads the members' catalogues for it, as its Reader"},
	{"exchange/dataspace", "exchange/agreement", "carries the effects of agreements out and brings peers' messages in"},
	{"exchange/dataspace", "exchange/catalog", "shows the catalogue in the terms of the protocol"},

	// Floor 7: the faces.
	{"web/staff", "web/ui", "the frame of the pages for officers is made of the components"},
	{"web/screen", "web/ui", "the board is a page of the same design"},
	{"web/screen", "web/staff", "it is for whoever is signed in"},
	{"web/watch", "web/ui", "its pages are put together from the components"},
	{"web/watch", "web/staff", "its pages stand in the officers' frame"},
	{"web/console", "web/ui", "its pages are put together from the components"},
	{"web/console", "web/pdf", "agreements and answers are printed"},
	{"web/console", "web/staff", "its pages stand in the officers' frame"},
	{"web/share", "web/ui", "its pages are put together from the components"},
	{"web/share", "web/staff", "its pages stand in the officers' frame"},
	{"web/tour", "web/ui", "its pages are put together from the components"},
	{"web/tour", "web/staff", "it leads into the officers' frame"},

	// Floor 9: programs.
	{"cmd/kuayu", "cmd/cli", "every command gets its session, and shows its answer through it"},
	{"cmd/kuayu", "cmd/matter", "the commands case and process"},
	{"cmd/matter", "cmd/cli", "every command gets its session, and shows its answer through it"},
	{"cmd/kuayu", "cmd/folder", "commands that make a node, or work where none runs"},
	{"cmd/kuayu", "cmd/job", "the command job"},
	{"cmd/job", "cmd/cli", "commands get their session, and show their answers through it"},
	{"cmd/kuayu", "cmd/checkup", "the command doctor"},
	{"cmd/folder", "cmd/cli", "what an operator can correct is said by the errors of every command"},
	{"cmd/kuayu", "demo", "the command demo"},
	{"cmd/kuayu", "bench", "the command bench"},
	{"cmd/kuayu", "conformance", "the command conformance"},
	{"demo", "demo/seed", "the demonstration fills its nodes with made-up rows"},
	{"bench", "demo", "what is measured is the federation the demonstration builds"},
	{"bench", "demo/seed", "the measured tables hold made-up rows"},
}

// testHelpers are imported by _test.go files alone, from any floor.
var testHelpers = map[string]string{
	"internal/dbtest":         "starts real database servers",
	"internal/guide":          "follows a guide's instructions",
	"internal/wire/wiretest":  "compares messages with golden files",
	"internal/webtest":        "looks at pages, in a browser too",
	"internal/disk/crashdisk": "a disk that loses power",
}

// exception lets one file do what the rule forbids to all.
type exception struct{ file, why string }

// readTheClock are the files of domains that may call time.Now: everywhere else time comes in as a value (invariant 8).
var readTheClock = []exception{
	{"support/evidence/log.go", "paces flushes by the machine's monotonic clock; no fact carries that time"},
	{"support/peer/line.go", "deadlines of a connection are times of the machine's own clock"},
	{"support/peer/dial.go", "the age of a connection is a time of the machine's own clock"},
	{"exchange/gateway/consumer.go", "measures how long an answer takes, for the metrics and the fact about it"},
	{"exchange/gateway/pull.go", "measures how long an answer takes, for the metrics and the fact about it"},
	{"exchange/gateway/provider.go", "measures how long an answer takes, for the metrics and the fact about it"},
}

// clockFolders may call time.Now: tools, and programs that measure.
var clockFolders = []string{"internal", "bench", "demo", "cmd", "conformance"}

// readTheEnvironment are the files that may look at environment variables besides cmd and tests.
var readTheEnvironment = []exception{
	{"internal/dbtest/postgres.go", "only tests import it"},
	{"internal/webtest/axe.go", "only tests import it"},
	{"internal/webtest/browser.go", "only tests import it"},
}

const (
	maxFileLines    = 800
	maxPackageLines = 5000
	maxPageLines    = 200
	minPageNames    = 20
	lastInvariant   = 10
)
