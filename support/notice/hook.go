package notice

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/identity"
)

// The headers of a call. The signature is the HMAC-SHA256, by the web-hook's secret, over the timestamp, a full stop and
// the body; a receiver should refuse timestamps that are minutes old, and identifiers it has seen.
const (
	HeaderID        = "Kuayu-Id"
	HeaderTimestamp = "Kuayu-Timestamp" // Unix seconds
	HeaderSignature = "Kuayu-Signature" // "v1=" and hexadecimal digits
)

const (
	hookPatience = 10 * time.Second
	hookFailures = 20 // in a row, about 40 minutes with the queue's pauses: then a web-hook is disabled
	minSecret    = 32
	maxSecret    = 256
	maxHooks     = 20 // of one department
)

// Hook is where a department's notices are sent, too. Its secret is never shown.
type Hook struct {
	ID         string    `json:"id"`
	Department string    `json:"department"`
	URL        string    `json:"url"`
	Topics     []string  `json:"topics,omitempty"` // what it is told about; none: everything
	Failures   int       `json:"failures"`         // in a row
	Disabled   bool      `json:"disabled"`
	Created    time.Time `json:"created"`
	Failed     time.Time `json:"failed,omitzero"`  // when it failed last
	Fault      Fault     `json:"fault,omitempty"`  // and why
	Secret     string    `json:"secret,omitempty"` // of one that was just registered without one: told this once

	secret string
}

// hears reports whether a web-hook is told of a kind of notice.
func (h *Hook) hears(k Kind) bool { return len(h.Topics) == 0 || slices.Contains(h.Topics, k.Topic()) }

// Fault is why a call failed: one of these words, or the status of an answer that did not accept.
type Fault string

// The faults.
const (
	FaultAddress     Fault = "address"     // that is never called
	FaultName        Fault = "name"        // of a machine that nobody knows
	FaultCertificate Fault = "certificate" // that this machine does not trust
	FaultTime        Fault = "time"        // no answer in time
	FaultConnection  Fault = "connection"  // refused or broken
)

// faultOf says why a call got no answer.
func faultOf(err error) Fault {
	var name *net.DNSError
	var cert *tls.CertificateVerificationError
	var slow net.Error
	switch {
	case errors.Is(err, ErrHook):
		return FaultAddress
	case errors.As(err, &cert):
		return FaultCertificate
	case errors.As(err, &name):
		return FaultName
	case errors.As(err, &slow) && slow.Timeout():
		return FaultTime
	}
	return FaultConnection
}

// HookRequest registers a web-hook.
type HookRequest struct {
	Department string   `json:"department"`
	URL        string   `json:"url"`
	Topics     []string `json:"topics,omitempty" doc:"what it is told about, by the first word of a kind of notice (application, agreement, deadline …); none: everything"`
	Secret     string   `json:"secret,omitempty" doc:"32 to 256 characters, known to the receiver; never shown again. Without one the node makes it and tells it in this answer alone"`
}

// Event is the body of a call.
type Event struct {
	ID         string    `json:"id"`
	Kind       Kind      `json:"kind"`
	Department string    `json:"department"`
	Subject    string    `json:"subject"`
	Link       string    `json:"link"`
	At         time.Time `json:"at"`
	Zh         Text      `json:"zh"`
	En         Text      `json:"en"`
}

// Sign is the value of HeaderSignature.
func Sign(secret, timestamp string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(timestamp + "."))
	m.Write(body)
	return "v1=" + hex.EncodeToString(m.Sum(nil))
}

// checkURL accepts https, and http to this very machine.
func checkURL(text string) error {
	bad := func(en, zh string) error { return ErrHook.With(en, zh) }
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || len(text) > 500 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return bad("not an address", "不是合格的网址")
	case u.User != nil:
		return bad("it must hold no password", "网址中不得带有口令")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopbackName(u.Hostname())):
		return bad("https only, but on this machine", "除本机外须使用 https")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		return reachable(u.Scheme, ip)
	}
	return nil
}

// reachable judges the address a call would really go to. Networks of governments are private, so private addresses are
// fine; link-local ones are where machines keep secrets of their own.
func reachable(scheme string, ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return ErrHook.With("this address is never called", "不允许访问该地址")
	}
	if scheme == "http" && !ip.IsLoopback() {
		return ErrHook.With("https only, but on this machine", "除本机外须使用 https")
	}
	return nil
}

// caller makes a client for one call: it looks at every address it connects to, follows nothing, and uses no proxy.
func caller(scheme string) *http.Client {
	d := &net.Dialer{Control: func(_, addr string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(addr)
		if err != nil {
			return err
		}
		return reachable(scheme, ap.Addr())
	}}
	return &http.Client{
		Transport:     &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true, TLSHandshakeTimeout: hookPatience},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       hookPatience,
	}
}

// AddHook registers a web-hook of a department: for operators.
func (s *Service) AddHook(ctx context.Context, sess *identity.Session, r HookRequest) (*Hook, error) {
	if err := sess.Require(identity.Operator); err != nil {
		return nil, err
	}
	if err := checkURL(r.URL); err != nil {
		return nil, err
	}
	h := &Hook{ID: s.ids.NewID(), Department: r.Department, URL: r.URL, Topics: r.Topics, Created: s.clock.Now()}
	if r.Secret == "" {
		h.Secret = rand.Text() + rand.Text() // 26 characters each
		r.Secret = h.Secret
	}
	if len(r.Secret) < minSecret || len(r.Secret) > maxSecret {
		return nil, ErrHook.With("the secret needs 32 to 256 characters", "密钥须为 32 至 256 个字符")
	}
	known := Topics()
	if len(r.Topics) > len(known) || slices.ContainsFunc(r.Topics, func(t string) bool { return !slices.Contains(known, t) }) {
		return nil, ErrHook.With("topics are some of "+strings.Join(known, ", "), "通知类别须在所列之中")
	}
	return h, s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		all, err := s.hooks(ctx, tx, db.System("web-hook"), "department = ?", r.Department)
		if err != nil {
			return err
		}
		if len(all) >= maxHooks || r.Department == "" {
			return ErrHook.With("a department has at most 20", "须写明部门，且每部门至多 20 个")
		}
		if slices.ContainsFunc(all, func(had Hook) bool { return had.URL == h.URL }) {
			return ErrHook.With("the department has this one already", "该部门已登记这个地址")
		}
		_, err = tx.NewRaw("INSERT INTO notice_hook (id, department, url, topics, secret, failures, disabled, created) VALUES (?, ?, ?, ?, ?, 0, 0, ?)",
			h.ID, h.Department, h.URL, strings.Join(h.Topics, ","), r.Secret, h.Created.UnixMicro()).Exec(ctx)
		return err
	})
}

// hooks reads web-hooks of the scope that fit a condition.
func (s *Service) hooks(ctx context.Context, tx *db.Tx, sc db.Scope, where string, args ...any) ([]Hook, error) {
	cond, own := sc.Where("department")
	var rows []struct {
		ID, Department, URL, Topics, Secret string
		Failures, Disabled                  int
		Created, Failed                     int64
		Fault                               string
	}
	if err := tx.NewRaw("SELECT id, department, url, topics, secret, failures, disabled, created, failed, fault FROM notice_hook WHERE "+where+" AND "+cond+" ORDER BY id", append(args, own...)...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("web-hooks: %w", err)
	}
	out := make([]Hook, len(rows))
	for i, r := range rows {
		out[i] = Hook{ID: r.ID, Department: r.Department, URL: r.URL, Failures: r.Failures, Disabled: r.Disabled != 0, Created: time.UnixMicro(r.Created).UTC(), Fault: Fault(r.Fault), secret: r.Secret}
		if r.Topics != "" {
			out[i].Topics = strings.Split(r.Topics, ",")
		}
		if r.Failed != 0 {
			out[i].Failed = time.UnixMicro(r.Failed).UTC()
		}
	}
	return out, nil
}

// Hooks lists the scope's web-hooks, without their secrets.
func (s *Service) Hooks(ctx context.Context, sc db.Scope) ([]Hook, error) {
	return s.hooks(ctx, s.db.Read(), sc, "1=1")
}

// EnableHook lets a disabled web-hook try again, from the next notice on.
func (s *Service) EnableHook(ctx context.Context, sc db.Scope, id string) error {
	return s.changeHook(ctx, sc, id, "UPDATE notice_hook SET disabled = 0, failures = 0")
}

// RemoveHook forgets a web-hook; what waits for it is dropped.
func (s *Service) RemoveHook(ctx context.Context, sc db.Scope, id string) error {
	return s.changeHook(ctx, sc, id, "DELETE FROM notice_hook")
}

func (s *Service) changeHook(ctx context.Context, sc db.Scope, id, statement string) error {
	cond, args := sc.Where("department")
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw(statement+" WHERE id = ? AND "+cond, append([]any{id}, args...)...).Exec(ctx)
		if err != nil {
			return fmt.Errorf("web-hook: %w", err)
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return db.ErrNotFound.With()
		}
		return nil
	})
}

// call is the job that calls one web-hook about one notice.
func (s *Service) call(ctx context.Context, j queue.Job) error {
	id, hook, _ := strings.Cut(j.Payload, "/")
	hs, err := s.hooks(ctx, s.db.Read(), db.System("call"), "id = ? AND disabled = 0", hook)
	if err != nil || len(hs) == 0 {
		return err
	}
	n, err := s.byID(ctx, s.db.Read(), db.System("call"), id)
	if err != nil || n == nil {
		return err
	}
	fault, err := s.callOnce(ctx, &hs[0], n)
	if ctx.Err() != nil {
		return err // stopping: nobody's failure
	}
	gone, serr := s.settle(ctx, &hs[0], err == nil, fault)
	if serr != nil {
		return serr
	}
	if gone {
		return nil
	}
	return err
}

func (s *Service) callOnce(ctx context.Context, h *Hook, n *Notice) (Fault, error) {
	body, err := json.Marshal(Event{ID: n.ID, Kind: n.Kind, Department: n.Department, Subject: n.Subject, Link: n.Link, At: n.At, Zh: n.Zh, En: n.En})
	if err != nil {
		return "", err
	}
	u, err := url.Parse(h.URL)
	if err != nil {
		return FaultAddress, ErrReceiver.Because(errors.New("address"), "address")
	}
	ctx, cancel := context.WithTimeout(ctx, hookPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return FaultAddress, ErrReceiver.Because(err, "address")
	}
	at := strconv.FormatInt(s.clock.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "kuayu")
	req.Header.Set(HeaderID, n.ID)
	req.Header.Set(HeaderTimestamp, at)
	req.Header.Set(HeaderSignature, Sign(h.secret, at, body))
	res, err := caller(u.Scheme).Do(req)
	if err != nil {
		return faultOf(err), ErrReceiver.Because(err, "no answer")
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	if res.StatusCode < 200 || res.StatusCode > 299 {
		status := strconv.Itoa(res.StatusCode)
		return Fault(status), ErrReceiver.With(status)
	}
	return "", nil
}

// settle counts failures in a row and keeps the last one. The one that is too many disables the web-hook and tells the operator, once, in the
// same transaction.
func (s *Service) settle(ctx context.Context, h *Hook, ok bool, fault Fault) (gone bool, err error) {
	if ok && h.Failures == 0 {
		return false, nil
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		gone = false
		if ok {
			_, err := tx.NewRaw("UPDATE notice_hook SET failures = 0 WHERE id = ?", h.ID).Exec(ctx)
			return err
		}
		if _, err := tx.NewRaw("UPDATE notice_hook SET failures = failures + 1, failed = ?, fault = ? WHERE id = ?", s.clock.Now().UnixMicro(), string(fault), h.ID).Exec(ctx); err != nil {
			return err
		}
		res, err := tx.NewRaw("UPDATE notice_hook SET disabled = 1 WHERE id = ? AND disabled = 0 AND failures >= ?", h.ID, hookFailures).Exec(ctx)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return nil
		}
		gone = true
		u, err := url.Parse(h.URL)
		if err != nil {
			return err
		}
		return s.Put(ctx, tx, db.System("web-hook"), Notice{
			Roles: []identity.Role{identity.Operator}, Kind: HookDisabled, Subject: "webhook/" + h.ID, Link: "/webhooks/" + h.ID,
		}, Params{Zh: u.Host, En: u.Host})
	})
	return gone, err
}
