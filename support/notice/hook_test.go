package notice

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/support/identity"
)

func contextOf(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

const hookSecret = "0123456789abcdef0123456789abcdef"

// receiver is a department's own system.
type receiver struct {
	t      *testing.T
	mu     sync.Mutex
	calls  []Event // accepted and refused
	status func(n int) int
	*httptest.Server
}

func newReceiver(t *testing.T, status func(int) int) *receiver {
	r := &receiver{t: t, status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		at := q.Header.Get(HeaderTimestamp)
		if q.Header.Get(HeaderSignature) != Sign(hookSecret, at, b) {
			t.Errorf("signature %q", q.Header.Get(HeaderSignature))
		}
		var e Event
		if err := json.Unmarshal(b, &e); err != nil || e.ID == "" || e.ID != q.Header.Get(HeaderID) || q.Header.Get("Content-Type") != "application/json" {
			t.Errorf("body %s: %v", b, err)
		}
		if strings.Contains(string(b), hookSecret) {
			t.Error("the secret was sent")
		}
		r.mu.Lock()
		r.calls = append(r.calls, e)
		n := len(r.calls)
		r.mu.Unlock()
		if s := r.status(n); s >= 300 && s < 400 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(s)
		} else {
			w.WriteHeader(s)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Event{}, r.calls...)
}

func (o *office) hook(dept, url string) *Hook {
	o.t.Helper()
	h, err := o.AddHook(o.ctx, o.as("operator"), HookRequest{Department: dept, URL: url, Secret: hookSecret})
	if err != nil {
		o.t.Fatal(err)
	}
	return h
}

func TestHook(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testHook(t, sqlite(t)) })
	t.Run("postgres", func(t *testing.T) { testHook(t, dbtest.Postgres(t)) })
}

// testHook: called about its own department alone, again after a failure with the same identifier, in order.
func testHook(t *testing.T, dsn string) {
	o := newOffice(t, dsn, nil)
	r := newReceiver(t, func(n int) int {
		if n <= 2 {
			return http.StatusInternalServerError
		}
		return http.StatusNoContent
	})
	o.hook(deptA, r.URL)
	o.tell(deptB, "0", ApplicationReceived, identity.DataOfficer)
	o.tell("", "0", DeadlineOverdue, identity.Authority)
	o.tell(deptA, "1", ApplicationReceived, identity.DataOfficer)
	o.tell(deptA, "2", AnswerConsent, identity.OfficeHead)
	o.await(20*time.Millisecond, func() bool { return len(r.got()) == 4 && o.idle() })
	c := r.got()
	if c[0].ID != c[1].ID || c[1].ID != c[2].ID || c[2].ID == c[3].ID || c[2].Subject != "negotiation/1" || c[3].Subject != "negotiation/2" || c[3].Kind != AnswerConsent {
		t.Errorf("calls: %+v", c)
	}
	hs, err := o.Hooks(o.ctx, db.In("330000", deptA, "x"))
	if err != nil || len(hs) != 1 || hs[0].Failures != 0 || hs[0].Disabled || hs[0].URL != r.URL {
		t.Errorf("hooks: %+v %v", hs, err)
	}
	if b, err := json.Marshal(hs); err != nil || strings.Contains(string(b), hookSecret) {
		t.Errorf("the secret is shown: %s %v", b, err)
	}
	if hs, err := o.Hooks(o.ctx, db.In("330000", deptB, "x")); err != nil || len(hs) != 0 {
		t.Errorf("a stranger sees %+v %v", hs, err)
	}
	for _, f := range []func(context.Context, db.Scope, string) error{o.EnableHook, o.RemoveHook} {
		if err := f(o.ctx, db.In("330000", deptB, "x"), hs[0].ID); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("a stranger changes it: %v", err)
		}
	}
	if err := o.RemoveHook(o.ctx, db.System("test"), hs[0].ID); err != nil {
		t.Fatal(err)
	}
	o.tell(deptA, "3", ApplicationReceived, identity.DataOfficer)
	o.await(0, o.idle)
	if len(r.got()) != 4 {
		t.Error("called after it was removed")
	}
}

// TestHookDisabled: too many failures in a row disable it and tell the operator once; redirects are failures, and nobody
// follows them. Enabled again, it hears of what is new.
func TestHookDisabled(t *testing.T) {
	o := newOffice(t, sqlite(t), nil)
	well := false
	var mu sync.Mutex
	r := newReceiver(t, func(int) int {
		mu.Lock()
		defer mu.Unlock()
		if well {
			return http.StatusOK
		}
		return http.StatusTemporaryRedirect
	})
	h := o.hook(deptA, r.URL)
	o.tell(deptA, "1", ApplicationReceived, identity.DataOfficer)
	o.tell(deptA, "2", ApplicationReceived, identity.DataOfficer)
	o.await(time.Minute, func() bool { return len(o.inbox("operator", Query{}).Items) == 1 && o.idle() })
	c := r.got()
	if len(c) != hookFailures {
		t.Errorf("%d calls, want %d", len(c), hookFailures)
	}
	for _, e := range c {
		if e.ID != c[0].ID {
			t.Errorf("out of order, or another identifier: %+v", e)
		}
	}
	if hs, err := o.Hooks(o.ctx, db.System("test")); err != nil || !hs[0].Disabled || hs[0].Fault != "307" || hs[0].Failed.IsZero() {
		t.Errorf("how it failed last: %+v %v", hs, err)
	}
	n := o.inbox("operator", Query{}).Items[0]
	if n.Kind != HookDisabled || n.Subject != "webhook/"+h.ID || strings.Contains(n.Zh.Body, hookSecret) {
		t.Errorf("notice: %+v", n)
	}
	if o.inbox("officer-a", Query{}).Unread != 2 {
		t.Error("the inbox lost something")
	}
	mu.Lock()
	well = true
	mu.Unlock()
	if err := o.EnableHook(o.ctx, db.System("test"), h.ID); err != nil {
		t.Fatal(err)
	}
	o.tell(deptA, "3", ApplicationReceived, identity.DataOfficer)
	o.await(0, func() bool { return len(r.got()) == hookFailures+1 && o.idle() })
	if e := r.got()[hookFailures]; e.Subject != "negotiation/3" {
		t.Errorf("after enabling: %+v", e)
	}
}

func TestHookAddresses(t *testing.T) {
	for _, good := range []string{"https://x.cn/hook?a=1", "https://10.0.0.1/", "https://192.168.1.1:8443/x", "http://127.0.0.1:9000/", "http://localhost/", "http://[::1]:1/", "https://[fd00::1]/"} {
		if err := checkURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "x", "http://x.cn/", "http://10.0.0.1/", "https://169.254.169.254/latest", "https://[fe80::1]/", "https://[::ffff:169.254.1.1]/", "https://0.0.0.0/", "https://224.0.0.1/",
		"https://u:p@x.cn/", "ftp://x.cn/", "file:///etc/passwd", "https://x.cn/\r\nX: y", "https:///x", "https://" + strings.Repeat("x", 600), "http://127.0.0.1.example/", "https://[ff02::1]/",
	} {
		if err := checkURL(bad); !errors.Is(err, ErrHook) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	// A name is judged by the address it leads to, when it is called.
	for addr, schemes := range map[string]string{"169.254.169.254": "", "fe80::1%eth0": "", "::ffff:169.254.169.254": "", "10.1.2.3": "https", "127.0.0.1": "http https", "::1": "http https", "::": ""} {
		for _, scheme := range []string{"http", "https"} {
			if err := reachable(scheme, netip.MustParseAddr(addr)); (err == nil) != strings.Contains(" "+schemes+" ", " "+scheme+" ") {
				t.Errorf("%s over %s: %v", addr, scheme, err)
			}
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://169.254.1.1:1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := caller("http").Do(req); !errors.Is(err, ErrHook) {
		if err == nil {
			_ = res.Body.Close()
		}
		t.Errorf("dialled: %v", err)
	}
}

func TestHookRefuses(t *testing.T) {
	o := newOffice(t, sqlite(t), nil)
	good := HookRequest{Department: deptA, URL: "https://x.cn/", Secret: hookSecret}
	if _, err := o.AddHook(o.ctx, o.as("head-a"), good); !errors.Is(err, identity.ErrRole) {
		t.Errorf("by a head: %v", err)
	}
	for _, bad := range []HookRequest{
		{Department: deptA, URL: "https://x.cn/", Secret: "short"},
		{Department: deptA, URL: "https://x.cn/", Secret: strings.Repeat("x", 300)},
		{URL: "https://x.cn/", Secret: hookSecret},
		{Department: deptA, URL: "https://x.cn/", Secret: hookSecret, Topics: []string{"webhook"}},
		{Department: deptA, URL: "https://x.cn/", Secret: hookSecret, Topics: make([]string, 100)},
		{Department: deptA, URL: "http://x.cn/", Secret: hookSecret},
	} {
		if _, err := o.AddHook(o.ctx, o.as("operator"), bad); !errors.Is(err, ErrHook) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	o.hook(deptA, "https://x.cn/")
	if _, err := o.AddHook(o.ctx, o.as("operator"), good); !errors.Is(err, ErrHook) {
		t.Errorf("the same again: %v", err)
	}
	for i := range maxHooks - 1 {
		o.hook(deptA, "https://x.cn/"+strconv.Itoa(i))
	}
	good.URL = "https://x.cn/more"
	if _, err := o.AddHook(o.ctx, o.as("operator"), good); !errors.Is(err, ErrHook) {
		t.Errorf("one too many: %v", err)
	}
}

// TestHookTopics: a web-hook that is to hear of some topics hears of nothing else; a secret that the node made is told once,
// and signs.
func TestHookTopics(t *testing.T) {
	o := newOffice(t, sqlite(t), nil)
	var mu sync.Mutex
	var got []string
	secret := ""
	r := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		b, err := io.ReadAll(q.Body)
		var e Event
		if err != nil || json.Unmarshal(b, &e) != nil {
			t.Errorf("%s %v", b, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if q.Header.Get(HeaderSignature) != Sign(secret, q.Header.Get(HeaderTimestamp), b) {
			t.Error("not signed by the secret that was told")
		}
		got = append(got, e.Subject)
	}))
	t.Cleanup(r.Close)
	h, err := o.AddHook(o.ctx, o.as("operator"), HookRequest{Department: deptA, URL: r.URL, Topics: []string{"answer", "scheme"}})
	if err != nil || len(h.Secret) < minSecret {
		t.Fatalf("%+v %v", h, err)
	}
	mu.Lock()
	secret = h.Secret
	mu.Unlock()
	hs, err := o.Hooks(o.ctx, db.System("test"))
	if err != nil || hs[0].Secret != "" || !slices.Equal(hs[0].Topics, h.Topics) {
		t.Errorf("%+v %v", hs, err)
	}
	o.tell(deptA, "1", ApplicationReceived, identity.DataOfficer)
	o.tell(deptA, "2", AnswerConsent, identity.OfficeHead)
	o.await(0, func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == 1 && o.idle() })
	if got[0] != "negotiation/2" {
		t.Errorf("heard of %v", got)
	}
	if len(Topics()) < 10 || slices.Contains(Topics(), HookDisabled.Topic()) {
		t.Errorf("topics: %v", Topics())
	}
}

// TestHookFaults: why a call failed is told in a word.
func TestHookFaults(t *testing.T) {
	o := newOffice(t, sqlite(t), nil)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	foreign := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(foreign.Close)
	n := &Notice{ID: "1", Kind: ApplicationReceived}
	for address, want := range map[string]Fault{
		gone.URL: FaultConnection, foreign.URL: FaultCertificate, "https://nobody.invalid/": FaultName, "http://169.254.1.1:1/": FaultAddress, newReceiver(t, func(int) int { return 503 }).URL: "503",
	} {
		if got, err := o.callOnce(o.ctx, &Hook{URL: address, secret: hookSecret}, n); err == nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", address, got, want, err)
		}
	}
}
