package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/policy"
)

// badWire loses requests, loses answers, sends twice, and sends again much later what was sent before.
type badWire struct {
	next http.RoundTripper
	w    *weather
}

type weather struct {
	mu    sync.Mutex
	rand  *rand.Rand
	bad   bool
	old   []func()
	count map[string]int
}

func (w *weather) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.bad {
		return n // nothing
	}
	return w.rand.IntN(n)
}

func (w *weather) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count[what]++
}

// keep remembers a request to be sent once more at any later time.
func (w *weather) keep(again func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.old = append(w.old, again)
}

func (w *weather) replayOld() {
	w.mu.Lock()
	var again func()
	if len(w.old) > 0 {
		again = w.old[w.rand.IntN(len(w.old))]
	}
	w.mu.Unlock()
	if again != nil {
		w.note("late again")
		again()
	}
}

var errWire = errors.New("the wire is bad")

// RoundTrip implements http.RoundTripper.
func (b *badWire) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	send := func() (*http.Response, error) {
		c := r.Clone(r.Context())
		c.Body = io.NopCloser(bytes.NewReader(body))
		return b.next.RoundTrip(c)
	}
	switch b.w.roll(8) {
	case 0:
		b.w.note("request lost")
		return nil, errWire
	case 1:
		res, err := send()
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		b.w.note("answer lost")
		return nil, errWire
	case 2:
		res, err := send()
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		b.w.note("sent twice")
	case 3:
		time.Sleep(50 * time.Millisecond)
	}
	late := r.Clone(context.WithoutCancel(r.Context()))
	b.w.keep(func() {
		late.Body = io.NopCloser(bytes.NewReader(body))
		if res, err := b.next.RoundTrip(late.Clone(late.Context())); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	})
	return send()
}

// history is one run of random acts at two nodes.
type history struct {
	*fixture
	w     *weather
	rand  *rand.Rand
	mine  []string          // applications at Shanghai
	ended map[string]bool   // agreements whose end is bound at the provider
	pairs map[string]string // Shanghai's record → Zhejiang's
}

// officers are everybody who might do something, at either end.
var officers = []struct{ member, actor string }{
	{"shanghai", "officer-sh"}, {"shanghai", "head-sh"}, {"zhejiang", "officer-zj"}, {"zhejiang", "head-zj"}, {"zhejiang", "authority"},
}

// acts are all the acts of an application's life, each with a body that may fit.
func (h *history) acts() []struct {
	path string
	body any
} {
	soon := h.c.Clock.Now().AddDate(0, 0, 30)
	fields := h.application().Fields
	less := agreement.Grant{Fields: fields[:1+h.rand.IntN(2)]}
	for _, f := range fields[len(less.Fields):] {
		less.Refused = append(less.Refused, agreement.RefusedItem{Item: f, Reason: "与用途无关"})
	}
	reason := map[string]string{"reason": "理由"}
	return []struct {
		path string
		body any
	}{
		{"applications/ID/consent", nil},
		{"applications/ID/return", reason},
		{"applications/ID/correct", h.application()},
		{"applications/ID/answer", agreement.Grant{Fields: fields}},
		{"applications/ID/answer", less},
		{"applications/ID/offer", less},
		{"applications/ID/accept", nil},
		{"applications/ID/resubmit", h.application()},
		{"applications/ID/consent-answer", nil},
		{"applications/ID/consent-answer", nil},
		{"applications/ID/return-answer", reason},
		{"applications/ID/refuse", reason},
		{"applications/ID/withdraw", reason},
		{"applications/ID/supplement", map[string]any{"missing": []map[string]string{{"item": "scenario", "why": "不清楚"}}}},
		{"applications/ID/supply", agreement.Supply{Texts: []agreement.Supplied{{Item: "scenario", Text: "为企业办理迁移"}}}},
		{"applications/ID/extend", map[string]any{"days": 5, "reason": "数据量大"}},
		{"applications/ID/consent-extension", nil},
		{"agreements/ID/suspend", reason},
		{"agreements/ID/rectify", map[string]any{"what": "停止使用", "by": soon}},
		{"agreements/ID/rectified", map[string]string{"report": "已停止"}},
		{"agreements/ID/resume", reason},
		{"agreements/ID/revoke", reason},
		{"agreements/ID/dispose", map[string]any{"method": "删除", "scope": "全部", "by": soon}},
	}
}

// step does one random thing; most are refused, each with a code, and none with an internal error.
func (h *history) step() {
	h.t.Helper()
	switch h.rand.IntN(12) {
	case 0:
		h.w.replayOld()
		return
	case 1:
		if h.rand.IntN(6) == 0 {
			m := []string{"shanghai", "zhejiang"}[h.rand.IntN(2)]
			if err := h.c.StopNode(m); err != nil {
				h.t.Fatal(err)
			}
			if err := h.c.StartNode(h.ctx, m); err != nil {
				h.t.Fatal(err)
			}
			h.w.note("restart")
		}
		return
	}
	if len(h.mine) < 14 && h.rand.IntN(6) == 0 {
		var n agreement.Negotiation
		h.call(h.as("shanghai", "officer-sh"), http.MethodPost, "/api/v1/applications", h.application(), &n)
		h.mine = append(h.mine, n.ID)
		return
	}
	if len(h.mine) == 0 {
		return
	}
	who := officers[h.rand.IntN(len(officers))]
	id := h.mine[h.rand.IntN(len(h.mine))]
	all := h.acts()
	a := all[h.rand.IntN(len(all))]
	if h.rand.IntN(4) > 0 { // mostly what somebody would do in such a state
		fits := h.fitting(id)
		if len(fits) == 0 {
			return
		}
		f := fits[h.rand.IntN(len(fits))]
		who = officers[f.who]
		for _, x := range all {
			if strings.HasSuffix(x.path, "/"+f.act) {
				a = x
			}
		}
	}
	if who.member == "zhejiang" {
		if id = h.theirs(id); id == "" {
			return
		}
	}
	err := h.as(who.member, who.actor).Call(h.ctx, http.MethodPost, "/api/v1/"+strings.Replace(a.path, "ID", id, 1), a.body, nil)
	if e := errs.As(err); err != nil && e.Kind == errs.Internal {
		h.t.Fatalf("%s by %s: %v", a.path, who.actor, err)
	}
	if err == nil {
		h.w.note("act")
		if strings.HasSuffix(a.path, "/revoke") {
			h.ended[id] = true
		}
	}
}

// fit is an act that a state calls for, and whose it is (an index of officers).
type fit struct {
	who int
	act string
}

// fitting are the acts that the states of an application at both ends call for.
func (h *history) fitting(mine string) []fit {
	h.t.Helper()
	here := map[agreement.State][]fit{
		agreement.ReqOfficeApproval: {{1, "consent"}},
		agreement.Supplement:        {{0, "supply"}}, agreement.CounterOffered: {{1, "accept"}, {1, "accept"}, {1, "resubmit"}},
		agreement.Rectifying: {{0, "rectified"}},
	}
	there := map[agreement.State][]fit{
		agreement.Reviewing: {{2, "answer"}, {2, "answer"}, {2, "answer"}, {2, "offer"}, {2, "supplement"}, {2, "extend"}, {4, "consent-extension"}, {3, "refuse"}},
		agreement.Extended:  {{2, "answer"}, {2, "offer"}}, agreement.Resubmitted: {{2, "answer"}, {2, "offer"}},
		agreement.ProvOfficeApproval: {{3, "consent-answer"}, {3, "consent-answer"}, {3, "return-answer"}},
		agreement.Active:             {{3, "suspend"}, {3, "revoke"}}, agreement.Suspended: {{3, "rectify"}},
		agreement.Rectifying: {{3, "resume"}, {3, "suspend"}}, agreement.Terminated: {{2, "dispose"}},
	}
	var out []fit
	n, err := h.c.Node("shanghai").Agreements.Get(h.ctx, db.System("test"), mine)
	if err != nil {
		h.t.Fatal(err)
	}
	out = append(out, here[n.State]...)
	if id := h.theirs(mine); id != "" {
		n, err := h.c.Node("zhejiang").Agreements.Get(h.ctx, db.System("test"), id)
		if err != nil {
			h.t.Fatal(err)
		}
		out = append(out, there[n.State]...)
	}
	return out
}

// theirs is the provider's record of an application, empty while it has none.
func (h *history) theirs(mine string) string {
	h.t.Helper()
	if id := h.pairs[mine]; id != "" {
		return id
	}
	ns, err := h.c.Node("zhejiang").Agreements.List(h.ctx, db.System("test"), "", 500)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range ns {
		h.pairs[ns[i].Peer] = ns[i].ID
	}
	return h.pairs[mine]
}

// TestHistories drives random histories on two nodes over a wire that loses, repeats and delays, with restarts. In the
// end both ends agree on state and exact bytes, every step was one of the machine's, no clock of a pending answer is
// lost, and nothing leaves under an agreement whose end is bound.
func TestHistories(t *testing.T) {
	for range 2 {
		seed := rand.Uint64()
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 1))
			w := &weather{rand: rand.New(rand.NewPCG(seed, 2)), count: map[string]int{}}
			f := newFixture(t, Settings{Wire: func(next http.RoundTripper) http.RoundTripper { return &badWire{next, w} }})
			h := &history{fixture: f, w: w, rand: r, ended: map[string]bool{}, pairs: map[string]string{}}
			w.bad = true
			for range 400 {
				h.step()
			}
			w.mu.Lock()
			w.bad = false
			w.mu.Unlock()
			h.settled()
			for _, id := range h.mine {
				h.agree2(id)
			}
			t.Logf("%d applications, %v", len(h.mine), w.count)
			if w.count["act"] < 20 || w.count["request lost"] == 0 || w.count["answer lost"] == 0 || w.count["sent twice"] == 0 {
				t.Errorf("a history in which little happened: %v", w.count)
			}
		})
	}
}

// settled waits until no message is under way.
func (h *history) settled() {
	h.t.Helper()
	h.await(func() bool {
		for _, m := range []string{"shanghai", "zhejiang"} {
			n := h.c.Node(m)
			if _, err := n.DB.Read().NewRaw("UPDATE queue_job SET run_at = ? WHERE dead = 0 AND kind = 'peer.send'", h.c.Clock.Now().UnixMicro()).Exec(h.ctx); err != nil {
				h.t.Fatal(err)
			}
			n.Queue.Wake()
			var waiting int
			if err := n.DB.Read().NewRaw("SELECT count(*) FROM queue_job WHERE dead = 0 AND kind = 'peer.send'").Scan(h.ctx, &waiting); err != nil {
				h.t.Fatal(err)
			}
			if waiting > 0 {
				return false
			}
		}
		return true
	})
}

// agree2 compares the two ends of an application.
func (h *history) agree2(id string) {
	h.t.Helper()
	mine, err := h.c.Node("shanghai").Agreements.Get(h.ctx, db.System("test"), id)
	if err != nil {
		h.t.Fatal(err)
	}
	h.walked("shanghai", mine)
	pair := h.theirs(id)
	if pair == "" {
		if mine.State != agreement.ReqOfficeApproval && mine.State != agreement.Withdrawn && mine.State != agreement.Draft {
			h.t.Errorf("%s is %s and the provider has never heard of it", id, mine.State)
		}
		return
	}
	theirs, err := h.c.Node("zhejiang").Agreements.Get(h.ctx, db.System("test"), pair)
	if err != nil {
		h.t.Fatal(err)
	}
	h.walked("zhejiang", theirs)
	// What is the provider's own affair is not told: the applicant sees it as still under review.
	told := map[agreement.State]agreement.State{agreement.Reviewing: agreement.Submitted, agreement.Extended: agreement.Submitted, agreement.ProvOfficeApproval: agreement.Submitted, agreement.Resubmitted: agreement.Submitted}
	same := func(s agreement.State) agreement.State {
		if t, ok := told[s]; ok {
			return t
		}
		return s
	}
	if same(mine.State) != same(theirs.State) {
		h.t.Errorf("%s: %s here, %s there\n%s\n%s", id, mine.State, theirs.State, h.story("shanghai", id), h.story("zhejiang", pair))
	}
	// An answer that crossed with a withdrawal never came into force: only the provider has its bytes.
	crossed := mine.State == agreement.Withdrawn && mine.Hash == ""
	if !crossed && (mine.Hash != theirs.Hash || mine.Agreement != theirs.Agreement) {
		h.t.Errorf("%s: two agreements, %s and %s, %s and %s\n%s\n%s", id, mine.Hash, theirs.Hash, mine.State, theirs.State, h.story("shanghai", id), h.story("zhejiang", pair))
	}
	if mine.Hash != "" {
		a, err := h.c.Node("shanghai").Agreements.Bytes(h.ctx, db.System("test"), id)
		if err != nil {
			h.t.Fatal(err)
		}
		b, err := h.c.Node("zhejiang").Agreements.Bytes(h.ctx, db.System("test"), pair)
		if err != nil || !bytes.Equal(a, b) {
			h.t.Errorf("%s: the bytes differ (%v)", id, err)
		}
	}
	h.clocks(theirs)
	_, err = h.query(h.as("shanghai", "machine-sh"), mine.Agreement, plan(policy.Plan{Limit: 1}))
	if (err == nil) != (theirs.State == agreement.Active) {
		h.t.Errorf("%s is %s and a query answers %v", id, theirs.State, err)
	}
	if h.ended[pair] && err == nil {
		h.t.Errorf("%s was revoked and still answers", id)
	}
}

// walked checks that a record's history is a walk of the machine.
func (h *history) walked(member string, n *agreement.Negotiation) {
	h.t.Helper()
	steps, err := h.c.Node(member).Agreements.History(h.ctx, db.System("test"), n.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	at := agreement.Draft
	if n.Side == agreement.Provider {
		at = agreement.Submitted
	}
	for _, s := range steps {
		to, _, err := agreement.Table().Next(s.From, s.Event, nil)
		if err != nil || s.From != at || to != s.To {
			h.t.Errorf("%s at %s: %s on %s to %s after %s (%v)", n.ID, member, s.From, s.Event, s.To, at, err)
		}
		at = s.To
	}
	if at != n.State {
		h.t.Errorf("%s at %s: the history ends in %s, the record says %s", n.ID, member, at, n.State)
	}
}

func (h *history) story(member, id string) string {
	steps, err := h.c.Node(member).Agreements.History(h.ctx, db.System("test"), id)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString(member + ":")
	for _, s := range steps {
		b.WriteString(" " + string(s.Event) + "→" + string(s.To))
	}
	return b.String()
}

// clocks checks that what waits for an answer has a running clock, and what does not has none.
func (h *history) clocks(n *agreement.Negotiation) {
	h.t.Helper()
	cs, err := h.c.Node("zhejiang").Deadlines.Of(h.ctx, db.System("test"), "agreement/"+n.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	running := false
	for i := range cs {
		running = running || (cs[i].Clock == deadline.D4 && cs[i].Open())
	}
	waits := false
	switch n.State {
	case agreement.Reviewing, agreement.Supplement, agreement.Extended, agreement.CounterOffered, agreement.Resubmitted, agreement.ProvOfficeApproval:
		waits = true
	}
	if running != waits {
		h.t.Errorf("%s is %s: clock running %v", n.ID, n.State, running)
	}
}
