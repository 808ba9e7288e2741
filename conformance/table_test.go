package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
)

// The table of the conformance kit's active tests, driven by a counterpart of our own, so that it is checked where the
// kit cannot be had. A row is a test, the dataset or agreement it is about, and what happens, from the side of the
// counterpart: "request" or "trigger" begins, "<x" is a message awaited from the node, ">x" one that it must take, "!x"
// one that it must refuse (4xx, not 404), "=S" the state it must then be in.
func table() []string {
	return []string{
		"CN:01-01 ACN0101 request <offer >termination =TERMINATED",
		"CN:01-02 ACN0102 request <offer >counter <termination =TERMINATED",
		"CN:01-03 ACN0103 request <offer >accepted <agreement >verification <finalized =FINALIZED",
		"CN:01-04 ACN0104 request <agreement >verification <finalized =FINALIZED",
		"CN:02-01 ACN0201 request <termination =TERMINATED",
		"CN:02-02 ACN0202 request =REQUESTED >termination =TERMINATED",
		"CN:02-03 ACN0203 request <agreement =AGREED >termination =TERMINATED",
		"CN:02-04 ACN0204 request <offer =OFFERED >termination =TERMINATED",
		"CN:02-05 ACN0205 request <offer <termination =TERMINATED",
		"CN:02-06 ACN0206 request <offer >accepted <termination =TERMINATED",
		"CN:02-07 ACN0207 request <agreement >verification <termination =TERMINATED",
		"CN:03-01 ACN0301 request <agreement >verification <finalized !termination =FINALIZED",
		"CN:03-02 ACN0302 request <offer !verification =OFFERED",
		"CN:03-03 ACN0303 request <offer >accepted !verification =ACCEPTED",
		"CN:03-04 ACN0304 request <offer >counter !counter =REQUESTED",

		"CN_C:01-01 ACNC0101 trigger >offer <accepted >agreement <verification >finalized =FINALIZED",
		"CN_C:01-02 ACNC0102 trigger >offer <counter >termination =TERMINATED",
		"CN_C:01-03 ACNC0103 trigger >offer <termination =TERMINATED",
		"CN_C:01-04 ACNC0104 trigger >agreement <verification >finalized =FINALIZED",
		"CN_C:02-01 ACNC0201 trigger >termination =TERMINATED",
		"CN_C:02-02 ACNC0202 trigger <termination =TERMINATED",
		"CN_C:02-03 ACNC0203 trigger >agreement <termination =TERMINATED",
		"CN_C:02-04 ACNC0204 trigger >offer =OFFERED >termination =TERMINATED",
		"CN_C:02-05 ACNC0205 trigger >offer <accepted >termination =TERMINATED",
		"CN_C:02-06 ACNC0206 trigger >agreement <verification >termination =TERMINATED",
		"CN_C:03-01 ACNC0301 trigger !finalized =REQUESTED",
		"CN_C:03-02 ACNC0302 trigger >offer !agreement =OFFERED",
		"CN_C:03-03 ACNC0303 trigger >offer !finalized =OFFERED",
		"CN_C:03-04 ACNC0304 trigger >offer <accepted !finalized =ACCEPTED",
		"CN_C:03-05 ACNC0305 trigger >offer <accepted !offer =ACCEPTED",
		"CN_C:03-06 ACNC0306 trigger >offer <accepted >agreement =AGREED !finalized =AGREED",

		"TP:01-01 ATP0101 request <start <tp-termination =TERMINATED",
		"TP:01-02 ATP0102 request <start <completion =COMPLETED",
		"TP:01-03 ATP0103 request <start <suspension <tp-termination =TERMINATED",
		"TP:01-04 ATP0104 request <start <suspension <start <completion =COMPLETED",
		"TP:01-05 ATP0105 request <tp-termination =TERMINATED",
		"TP:02-01 ATP0201 request <start >tp-termination =TERMINATED",
		"TP:02-02 ATP0202 request <start >completion =COMPLETED",
		"TP:02-03 ATP0203 request <start >suspension =SUSPENDED >tp-termination =TERMINATED",
		"TP:02-04 ATP0204 request <start >suspension >start =STARTED >completion =COMPLETED",
		"TP:02-05 ATP0205 request =REQUESTED >tp-termination =TERMINATED",
		"TP:03-01 ATP0301 request !completion =REQUESTED",
		"TP:03-02 ATP0302 request !suspension =REQUESTED",
		"TP:03-03 ATP0303 request <start >suspension !completion =SUSPENDED",
		"TP:03-04 ATP0304 request <start >tp-termination !start =TERMINATED",
		"TP:03-05 ATP0305 request <start >tp-termination !suspension =TERMINATED",
		"TP:03-06 ATP0306 request <start >tp-termination !completion =TERMINATED",

		"TP_C:01-01 ATPC0101 trigger >start >tp-termination =TERMINATED",
		"TP_C:01-02 ATPC0102 trigger >start >completion =COMPLETED",
		"TP_C:01-03 ATPC0103 trigger >start >suspension =SUSPENDED >tp-termination =TERMINATED",
		"TP_C:01-04 ATPC0104 trigger >start >suspension >start =STARTED >completion =COMPLETED",
		"TP_C:01-05 ATPC0105 trigger >tp-termination =TERMINATED",
		"TP_C:02-01 ATPC0201 trigger >start <tp-termination =TERMINATED",
		"TP_C:02-02 ATPC0202 trigger >start <completion =COMPLETED",
		"TP_C:02-03 ATPC0203 trigger >start <suspension <tp-termination =TERMINATED",
		"TP_C:02-04 ATPC0204 trigger >start <suspension <start <completion =COMPLETED",
		"TP_C:02-05 ATPC0205 trigger <tp-termination =TERMINATED",
		"TP_C:03-01 ATPC0301 trigger !completion =REQUESTED",
		"TP_C:03-02 ATPC0302 trigger !suspension =REQUESTED",
		"TP_C:03-03 ATPC0303 trigger >start >suspension !completion =SUSPENDED",
		"TP_C:03-04 ATPC0304 trigger >start >tp-termination !start =TERMINATED",
		"TP_C:03-05 ATPC0305 trigger >start >tp-termination !suspension =TERMINATED",
		"TP_C:03-06 ATPC0306 trigger >start >tp-termination !completion =TERMINATED",
	}
}

// shape is a message: its path below the process, its type, the members it must have, and the event it announces.
type shape struct {
	path, kind, event string
	needs             []string
}

func shapes() map[string]shape {
	return map[string]shape{
		"offer":          {"/offers", "ContractOfferMessage", "", []string{"providerPid", "consumerPid", "offer"}},
		"counter":        {"/request", "ContractRequestMessage", "", []string{"providerPid", "consumerPid", "offer"}},
		"accepted":       {"/events", "ContractNegotiationEventMessage", "ACCEPTED", []string{"providerPid", "consumerPid", "eventType"}},
		"finalized":      {"/events", "ContractNegotiationEventMessage", "FINALIZED", []string{"providerPid", "consumerPid", "eventType"}},
		"agreement":      {"/agreement", "ContractAgreementMessage", "", []string{"providerPid", "consumerPid", "agreement"}},
		"verification":   {"/agreement/verification", "ContractAgreementVerificationMessage", "", []string{"providerPid", "consumerPid"}},
		"termination":    {"/termination", "ContractNegotiationTerminationMessage", "", []string{"providerPid", "consumerPid"}},
		"start":          {"/start", "TransferStartMessage", "", []string{"providerPid", "consumerPid"}},
		"completion":     {"/completion", "TransferCompletionMessage", "", []string{"providerPid", "consumerPid"}},
		"suspension":     {"/suspension", "TransferSuspensionMessage", "", []string{"providerPid", "consumerPid"}},
		"tp-termination": {"/termination", "TransferTerminationMessage", "", []string{"providerPid", "consumerPid"}},
	}
}

type arrived struct {
	path string
	body map[string]any
}

// counterpart is the other connector: it keeps what arrives and answers 200.
type counterpart struct {
	srv  *httptest.Server
	mu   sync.Mutex
	wait map[string]chan arrived // by dataset or agreement for first messages, by our process id for the others

	// Before an arrival is answered: false leaves it unanswered, as when the answer is lost. Nil: all are answered.
	before func(path string, m map[string]any) bool
}

func newCounterpart(t *testing.T) *counterpart {
	t.Helper()
	c := &counterpart{wait: map[string]chan arrived{}}
	c.srv = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.srv.Close)
	return c
}

func (c *counterpart) box(key string) chan arrived {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wait[key] == nil {
		c.wait[key] = make(chan arrived, 16)
	}
	return c.wait[key]
}

func (c *counterpart) serve(w http.ResponseWriter, r *http.Request) {
	var m map[string]any
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) == 2 && parts[1] == "request" {
		key, _ := m["agreementId"].(string)
		kind := "TransferProcess"
		if o, ok := m["offer"].(map[string]any); ok {
			key, _ = o["target"].(string)
			kind = "ContractNegotiation"
		}
		pid := "peer-" + key
		c.box(key) <- arrived{r.URL.Path, m}
		if c.before != nil {
			c.before(r.URL.Path, m)
		}
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"@context": []string{dspace}, "@type": kind, "providerPid": pid, "consumerPid": m["consumerPid"], "state": "REQUESTED"})
		return
	}
	if c.before != nil && !c.before(r.URL.Path, m) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	c.box(parts[1]) <- arrived{"/" + strings.Join(parts[2:], "/"), m}
	w.WriteHeader(http.StatusOK)
}

const dspace = "https://w3id.org/dspace/2025/1/context.jsonld"

// run is one test of the table.
type run struct {
	t        *testing.T
	c        *counterpart
	base     string // of the node's protocol
	trigger  string
	id       string // dataset or agreement
	transfer bool
	ours     string // the counterpart's process id
	theirs   string // the node's
	consumer bool   // the node is the consumer
}

func (r *run) process() string {
	if r.transfer {
		return "/transfers/"
	}
	return "/negotiations/"
}

func (r *run) post(url string, body map[string]any) (int, map[string]any) {
	r.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(http.MethodPost, url, b)
}

func (r *run) do(method, url string, body []byte) (int, map[string]any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var m map[string]any
	if err := json.NewDecoder(res.Body).Decode(&m); err != nil {
		r.t.Fatalf("%s %s answered %d with no JSON: %v", method, url, res.StatusCode, err)
	}
	return res.StatusCode, m
}

func (r *run) message(kind string) map[string]any {
	return map[string]any{"@context": []string{dspace}, "@type": kind, "@id": "urn:uuid:" + ids.Random{}.NewID()}
}

func (r *run) offer() map[string]any {
	return map[string]any{
		"@type": "Offer", "@id": "CD123:" + r.id + ":456", "target": r.id,
		"permission": []any{map[string]any{"action": "use", "constraint": []any{}}},
	}
}

// begin is the counterpart's own request, or the trigger after which the node's is awaited.
func (r *run) begin(how string) {
	r.t.Helper()
	if how == "trigger" {
		r.consumer = true
		path, body := "/tck/negotiations/requests", map[string]any{"datasetId": r.id, "offerId": "offer" + r.id, "providerId": Participant, "connectorAddress": r.c.srv.URL}
		if r.transfer {
			path, body = "/tck/transfers/requests", map[string]any{"agreementId": r.id, "format": dataspace.FormatQuery, "providerId": Participant, "connectorAddress": r.c.srv.URL}
		}
		if code, m := r.post(r.trigger+path, body); code/100 != 2 {
			r.t.Fatalf("trigger: %d %v", code, m)
		}
		a := r.take(r.id)
		r.theirs, _ = a.body["consumerPid"].(string)
		r.ours = "peer-" + r.id
		if o, ok := a.body["offer"].(map[string]any); ok && o["@id"] != "offer"+r.id {
			r.t.Fatalf("the node does not echo the offer's id: %v", o)
		}
		if a.body["callbackAddress"] == nil {
			r.t.Fatalf("no callbackAddress: %v", a.body)
		}
		return
	}
	r.ours = "counter-" + ids.Random{}.NewID()
	m := r.message("ContractRequestMessage")
	m["consumerPid"], m["callbackAddress"] = r.ours, r.c.srv.URL
	if r.transfer {
		m["@type"], m["agreementId"], m["format"] = "TransferRequestMessage", r.id, dataspace.FormatQuery
	} else {
		m["offer"] = r.offer()
	}
	code, got := r.post(r.base+r.process()+"request", m)
	if code/100 != 2 || got["state"] != "REQUESTED" {
		r.t.Fatalf("request: %d %v", code, got)
	}
	r.theirs, _ = got["providerPid"].(string)
}

func (r *run) take(key string) arrived {
	r.t.Helper()
	select {
	case a := <-r.c.box(key):
		return a
	case <-time.After(15 * time.Second):
		r.t.Fatalf("nothing arrived for %s", key)
		return arrived{}
	}
}

// await takes a message of the node and checks its shape.
func (r *run) await(name string) {
	r.t.Helper()
	s := shapes()[name]
	a := r.take(r.ours)
	if a.path != s.path || a.body["@type"] != s.kind || (s.event != "" && a.body["eventType"] != s.event) {
		r.t.Fatalf("awaited %s, got %s %v", name, a.path, a.body)
	}
	for _, n := range s.needs {
		if a.body[n] == nil || a.body[n] == "" {
			r.t.Fatalf("%s lacks %s: %v", name, n, a.body)
		}
	}
	if ctx, ok := a.body["@context"].([]any); !ok || len(ctx) != 1 || ctx[0] != dspace {
		r.t.Fatalf("@context of %s: %v", name, a.body["@context"])
	}
	if name == "agreement" {
		g, _ := a.body["agreement"].(map[string]any)
		for _, n := range []string{"@type", "@id", "target", "assigner", "assignee", "permission"} {
			if g[n] == nil {
				r.t.Fatalf("agreement lacks %s: %v", n, g)
			}
		}
	}
	if d, ok := a.body["dataAddress"].(map[string]any); ok && (d["@type"] != "DataAddress" || d["endpointType"] == nil) {
		r.t.Fatalf("dataAddress: %v", d)
	}
	if name == "counter" && a.body["callbackAddress"] != nil {
		r.t.Fatalf("a counter-request must not carry callbackAddress: %v", a.body)
	}
}

// send posts a message and checks whether it is taken.
func (r *run) send(name string, taken bool) {
	r.t.Helper()
	s := shapes()[name]
	m := r.message(s.kind)
	m["providerPid"], m["consumerPid"] = r.theirs, r.ours
	if r.consumer {
		m["providerPid"], m["consumerPid"] = r.ours, r.theirs
	}
	switch name {
	case "offer", "counter":
		m["offer"] = r.offer()
	case "accepted", "finalized":
		m["eventType"] = s.event
	case "agreement":
		m["agreement"] = map[string]any{
			"@type": "Agreement", "@id": "urn:agreement:" + r.ours, "target": r.id, "assigner": Participant, "assignee": self,
			"permission": []any{map[string]any{"action": "use", "constraint": []any{}}}, "timestamp": "2026-01-01T00:00:00Z",
		}
	case "termination", "tp-termination", "suspension":
		m["code"], m["reason"] = "1", []any{map[string]any{"message": "test"}}
	case "start":
		m["dataAddress"] = map[string]any{"@type": "DataAddress", "endpointType": "https://w3id.org/idsa/v4.1/HTTP", "endpoint": "http://example.com"}
	}
	code, got := r.post(r.base+r.process()+r.theirs+s.path, m)
	if taken && code/100 != 2 {
		r.t.Fatalf("%s: %d %v", name, code, got)
	}
	if !taken {
		kind := "ContractNegotiationError"
		if r.transfer {
			kind = "TransferError"
		}
		if code/100 != 4 || code == http.StatusNotFound || got["@type"] != kind || got["code"] == nil {
			r.t.Fatalf("%s must be refused: %d %v", name, code, got)
		}
	}
}

func (r *run) state(want string) {
	r.t.Helper()
	code, got := r.do(http.MethodGet, r.base+r.process()+r.theirs, nil)
	if code != http.StatusOK || got["state"] != want {
		r.t.Fatalf("state %v (%d), want %s", got["state"], code, want)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := httpx.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// startNode runs the scripted node against a counterpart.
func startNode(t *testing.T, kit string) Settings {
	t.Helper()
	s := Settings{Dir: t.TempDir() + "/node", Addr: freeAddr(t), Trigger: freeAddr(t), Kit: kit, Pace: 20}
	ready := make(chan struct{})
	s.Ready = func() { close(ready) }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatal(err)
	case <-time.After(30 * time.Second):
		t.Fatal("the node did not start")
	}
	return s
}

func TestTable(t *testing.T) {
	c := newCounterpart(t)
	s := startNode(t, c.srv.URL)
	rows := table()
	if len(rows) != 61+2 { // the kit has 61 of processes active; of those it switches off, two are reached here too
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		f := strings.Fields(row)
		t.Run(strings.ReplaceAll(f[0], ":", "_"), func(t *testing.T) {
			t.Parallel()
			r := &run{t: t, c: c, base: "http://" + s.Addr + dataspace.Base, trigger: "http://" + s.Trigger, id: f[1], transfer: strings.HasPrefix(f[0], "TP")}
			r.begin(f[2])
			for _, act := range f[3:] {
				switch act[0] {
				case '<':
					r.await(act[1:])
				case '>':
					r.send(act[1:], true)
				case '!':
					r.send(act[1:], false)
				case '=':
					r.state(act[1:])
				}
			}
		})
	}
}

// The rest of the kit's tests: versions and catalogue.
func TestCatalogue(t *testing.T) {
	c := newCounterpart(t)
	s := startNode(t, c.srv.URL)
	r := &run{t: t, c: c, base: "http://" + s.Addr + dataspace.Base}
	_, v := r.do(http.MethodGet, "http://"+s.Addr+dataspace.Root+"/.well-known/dspace-version", nil)
	if fmt.Sprint(v["protocolVersions"]) == "" || !strings.Contains(fmt.Sprint(v), "2025-1") {
		t.Fatalf("version: %v", v)
	}
	code, doc := r.post(r.base+"/catalog/request", r.message("CatalogRequestMessage"))
	sets, _ := doc["dataset"].([]any)
	if code != http.StatusOK || len(sets) == 0 || doc["participantId"] != self || doc["hasPolicy"] != nil {
		t.Fatalf("catalogue: %d %v", code, doc)
	}
	found := false
	for _, d := range sets {
		m, _ := d.(map[string]any)
		found = found || m["@id"] == "CAT0101"
		if len(m["hasPolicy"].([]any)) == 0 || len(m["distribution"].([]any)) == 0 { //nolint:forcetypeassert // a test
			t.Fatalf("dataset: %v", m)
		}
		if p, _ := m["hasPolicy"].([]any)[0].(map[string]any); p["target"] != nil {
			t.Fatalf("an offer in a catalogue has no target: %v", p)
		}
	}
	if !found {
		t.Fatal("CAT0101 is not there")
	}
	if code, d := r.do(http.MethodGet, r.base+"/catalog/datasets/CAT0102", nil); code != http.StatusOK || d["@id"] != "CAT0102" {
		t.Fatalf("dataset: %d %v", code, d)
	}
	if code, d := r.do(http.MethodGet, r.base+"/catalog/datasets/CAT0103", nil); code/100 != 4 || d["@type"] != "CatalogError" {
		t.Fatalf("unknown dataset: %d %v", code, d)
	}
}
