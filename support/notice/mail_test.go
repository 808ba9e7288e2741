package notice

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kuayu/kuayu/support/identity"
)

// opened reads a mail as a mail program would.
func opened(t *testing.T, content string) (h mail.Header, subject, body string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err = (&mime.WordDecoder{}).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	if e := m.Header.Get("Content-Transfer-Encoding"); e != "base64" {
		t.Fatalf("encoding %q", e)
	}
	b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
	if err != nil || !utf8.Valid(b) {
		t.Fatalf("body: %v", err)
	}
	return m.Header, subject, strings.ReplaceAll(string(b), "\r\n", "\n")
}

func (o *office) prefers(id string, p Preference) {
	o.t.Helper()
	if _, err := o.SetPreferences(o.ctx, o.as(id), p); err != nil {
		o.t.Fatal(err)
	}
}

// TestMailArrives: over STARTTLS and over TLS, with a password, one mail reaches the officer it is for, and nobody else.
func TestMailArrives(t *testing.T) {
	for _, mode := range []string{StartTLS, TLS} {
		t.Run(mode, func(t *testing.T) {
			s := smtpServer(t, mode)
			conf := s.config(t, mode)
			o := newOffice(t, sqlite(t), &conf)
			o.prefers("officer-a", Preference{Mail: "officer@dept.example"})
			o.prefers("head-a", Preference{Mail: "head@dept.example", Lang: "en"})
			o.prefers("officer-b", Preference{Mail: "stranger@dept.example"})
			o.tell(deptA, "1", ApplicationReceived, identity.DataOfficer)
			o.await(0, func() bool { return len(s.mails(t)) == 1 && o.idle() })
			o.tell(deptA, "2", AnswerConsent, identity.OfficeHead)
			o.await(0, func() bool { return len(s.mails(t)) == 2 && o.idle() })
			ms := s.mails(t)
			if ms[0].From != "kuayu@zj.example" || len(ms[0].To) != 1 || ms[0].To[0] != "officer@dept.example" || ms[1].To[0] != "head@dept.example" || !ms[0].TLS {
				t.Fatalf("envelopes: %+v", ms)
			}
			h, subject, body := opened(t, ms[0].Content)
			if subject != "【跨域】收到申请：330000/enterprise" || h.Get("To") != "<officer@dept.example>" || h.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("headers: %q %v", subject, h)
			}
			if from, err := mail.ParseAddress(h.Get("From")); err != nil || from.Address != "kuayu@zj.example" || from.Name != "跨域数据共享" {
				t.Errorf("from: %v %v", from, err)
			}
			if typ, par, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || typ != "text/plain" || par["charset"] != "utf-8" {
				t.Errorf("type: %s %v %v", typ, par, err)
			}
			if d, err := h.Date(); err != nil || !d.Equal(time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)) {
				t.Errorf("date: %v %v", d, err)
			}
			if id := h.Get("Message-Id"); !strings.HasSuffix(id, "@zj.example>") || strings.Contains(id, "officer-a") {
				t.Errorf("message id %q", id)
			}
			for _, want := range []string{"shanghai 申请使用 330000/enterprise", "事项：negotiation/1\n", "办理：https://zj.example/applications/1\n"} {
				if !strings.Contains(body, want) {
					t.Errorf("the body lacks %q: %s", want, body)
				}
			}
			if _, subject, _ = opened(t, ms[1].Content); subject != "[Kuayu] An answer waits for consent: 330000/enterprise" {
				t.Errorf("English: %q", subject)
			}
			for _, line := range strings.Split(ms[0].Content, "\r\n") {
				if len(line) > 998 {
					t.Errorf("a line of %d bytes", len(line))
				}
			}
		})
	}
}

// TestDigest: once a day, grouped, without what was read meanwhile; nothing on a day without news.
func TestDigest(t *testing.T) {
	s := smtpServer(t, Plain)
	conf := s.config(t, Plain)
	conf.Digest = Daily
	o := newOffice(t, sqlite(t), &conf)
	o.prefers("officer-a", Preference{Mail: "officer@dept.example"})
	o.tell(deptA, "1", ApplicationReceived, identity.DataOfficer)
	o.tell(deptA, "2", DeadlineOverdue, identity.DataOfficer)
	o.tell(deptA, "3", ApplicationReceived, identity.DataOfficer)
	o.tell(deptA, "4", ApplicationReceived, identity.DataOfficer)
	if err := o.MarkRead(o.ctx, o.as("officer-a"), o.inbox("officer-a", Query{}).Items[0].ID); err != nil {
		t.Fatal(err)
	}
	o.await(0, func() bool { n, err := o.queue.Ready(o.ctx); return err == nil && n == 0 })
	if len(s.mails(t)) != 0 {
		t.Fatal("mailed before the day's time")
	}
	o.clock.Set(time.Date(2026, 3, 3, 0, 0, 1, 0, time.UTC)) // 08:00:01 in China
	o.queue.Wake()
	o.await(0, func() bool { return len(s.mails(t)) == 1 && o.idle() })
	_, subject, body := opened(t, s.mails(t)[0].Content)
	if subject != "【跨域】今日有 3 条未读通知" {
		t.Errorf("subject %q", subject)
	}
	received, overdue := strings.Index(body, "== 收到申请 (2)"), strings.Index(body, "== 已逾期 (1)")
	if received < 0 || overdue < received || strings.Index(body, "negotiation/3") > overdue || strings.Contains(body, "negotiation/4") {
		t.Errorf("groups: %s", body)
	}
	// The next day tells what is new, not what was told.
	o.tell(deptA, "5", ApplicationReceived, identity.DataOfficer)
	o.clock.Set(time.Date(2026, 3, 4, 0, 0, 1, 0, time.UTC))
	o.queue.Wake()
	o.await(0, func() bool { return len(s.mails(t)) == 2 && o.idle() })
	if _, subject, body = opened(t, s.mails(t)[1].Content); !strings.Contains(subject, "1 条") || !strings.Contains(body, "negotiation/5") {
		t.Errorf("the next day: %q %s", subject, body)
	}
}

// TestMailIsTriedAgain: not yet is tried again, never is not; a mailbox nobody has does not hold up the others.
func TestMailIsTriedAgain(t *testing.T) {
	s := smtpServer(t, Plain)
	conf := s.config(t, Plain)
	o := newOffice(t, sqlite(t), &conf)
	o.prefers("officer-a", Preference{Mail: "later@dept.example"})
	o.prefers("officer-b", Preference{Mail: "nobody@dept.example"})
	o.tell(deptB, "1", ApplicationReceived, identity.DataOfficer)
	o.tell(deptA, "2", ApplicationReceived, identity.DataOfficer)
	o.await(10*time.Millisecond, func() bool { return len(s.mails(t)) == 1 && o.idle() })
	if m := s.mails(t)[0]; m.To[0] != "later@dept.example" {
		t.Errorf("to %v", m.To)
	}
	dead, err := o.queue.Dead(o.ctx)
	if err != nil || len(dead) != 1 || dead[0].Kind != KindMail || !strings.Contains(dead[0].LastError, "550") {
		t.Errorf("dead: %+v %v", dead, err)
	}
}

// TestNothingInClear: without a certificate that can be trusted, or without STARTTLS, no mail and no password leaves; and
// the password stands in no error.
func TestNothingInClear(t *testing.T) {
	for server, f := range map[string]func(*MailConfig){
		StartTLS: func(c *MailConfig) { c.CAFile = "" },
		TLS:      func(c *MailConfig) { c.CAFile = "" },
		Plain:    func(c *MailConfig) { c.TLS = StartTLS },
	} {
		s := smtpServer(t, server)
		conf := s.config(t, server)
		f(&conf)
		if conf.Username == "" {
			conf.Username, conf.PasswordFile = "kuayu", filepath.Join(s.dir, "password")
			if err := os.WriteFile(conf.PasswordFile, []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m, err := NewMail(conf)
		if err != nil {
			t.Fatal(err)
		}
		err = m.deliver(t.Context(), 0, &letter{To: "a@b.example", ID: "x", Notices: []Notice{{Subject: "x", Link: "/x"}}})
		if !errors.Is(err, ErrMail) || strings.Contains(err.Error(), "secret") || len(s.mails(t)) != 0 {
			t.Errorf("%s: %v", server, err)
		}
	}
}

func TestMailConfig(t *testing.T) {
	good := MailConfig{Host: "mail.example", From: "kuayu@zj.example"}.Defaults("https://zj.example:8442")
	if err := good.Check(); err != nil || good.Port != 587 || good.TLS != StartTLS || good.Digest != Each {
		t.Fatalf("%+v: %v", good, err)
	}
	for name, f := range map[string]func(*MailConfig){
		"clear to another machine": func(c *MailConfig) { c.TLS = Plain },
		"clear to a name":          func(c *MailConfig) { c.TLS, c.Host = Plain, "127.0.0.1.example" },
		"no host":                  func(c *MailConfig) { c.Host = "" },
		"sender":                   func(c *MailConfig) { c.From = "Kuayu <kuayu@zj.example>" },
		"sender with a break":      func(c *MailConfig) { c.From = "kuayu@zj.example\r\nBcc: x@y.cn" },
		"password without a name":  func(c *MailConfig) { c.PasswordFile = "x" },
		"digest":                   func(c *MailConfig) { c.Digest = "weekly" },
		"link":                     func(c *MailConfig) { c.Link = "javascript:alert(1)" },
		"link with a break":        func(c *MailConfig) { c.Link = "https://zj.example/\nx" },
		"port":                     func(c *MailConfig) { c.Port = 70000 },
		"mode":                     func(c *MailConfig) { c.TLS = "maybe" },
	} {
		c := good
		f(&c)
		if err := c.Check(); !errors.Is(err, ErrMailConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		c := good
		c.TLS, c.Host = Plain, host
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	c := good
	c.CAFile = filepath.Join(t.TempDir(), "none")
	if _, err := NewMail(c); !errors.Is(err, ErrMailConfig) {
		t.Errorf("missing CA file: %v", err)
	}
}

// TestSilentServer: a server that says nothing does not hold a worker for ever.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	m, err := NewMail(MailConfig{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, From: "a@b.example", TLS: Plain}.Defaults("https://x"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextOf(t, 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := m.deliver(ctx, 0, &letter{To: "a@b.example", ID: "x"}); !errors.Is(err, ErrMail) || time.Since(start) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
}

// hostile are parameters that would like to be headers.
func hostile() []string {
	return []string{
		"x\r\nBcc: evil@evil.example", "x\nBcc: evil@evil.example", "x\rBcc: evil@evil.example", "x\u2028Bcc: y", "x\u0085Bcc: y", "\x00\x01", "=?utf-8?q?=0D=0ABcc:_x?=",
		"\r\n\r\n<script>", "\r\n.\r\nMAIL FROM:<x@y.cn>", strings.Repeat("长", 5000), "\xff\xfe", "{until}{what}", "\u202egnp.exe", "",
	}
}

// injected checks that a mail has its own headers and no others, whatever its parameters hold.
func injected(t *testing.T, p Params, lang, to string) {
	t.Helper()
	n := Notice{Subject: "negotiation/1", Link: "/applications/1"}
	for _, k := range Kinds() {
		var err error
		if n.Kind = k.Kind; k.Kind == HookDisabled || k.Kind == ApplicationReceived || k.Kind == DeadlineHalf {
			if n.Zh, n.En, err = fill(k.Kind, p); err != nil {
				t.Fatal(err)
			}
		}
		if n.Zh.Title == "" {
			continue
		}
		b, err := (&letter{To: to, Lang: lang, ID: "x", At: time.Unix(0, 0), Notices: []Notice{n}}).encode(mail.Address{Address: "a@b.example"}, "https://x")
		if err != nil {
			if _, aerr := address(to); aerr == nil {
				t.Fatalf("%q: %v", to, err)
			}
			return
		}
		h, subject, _ := opened(t, string(b))
		if len(h) != 9 || h.Get("Bcc") != "" {
			t.Fatalf("headers: %v", h)
		}
		if utf8.RuneCountInString(subject) > 4*maxParam || strings.ContainsAny(subject, "\r\n") {
			t.Fatalf("subject %q", subject)
		}
		want := n.in(lang).Title
		if want = pick(lang, "【跨域】", "[Kuayu] ") + want; subject != want {
			t.Fatalf("subject %q, want %q", subject, want)
		}
		for _, line := range bytes.Split(b, []byte("\r\n")) {
			if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
				t.Fatalf("line %q", line)
			}
		}
	}
}

func TestNoHeaderInjection(t *testing.T) {
	for _, x := range hostile() {
		for _, lang := range []string{"zh", "en"} {
			injected(t, Params{Resource: x, Member: x, Until: x, Zh: x, En: x}, lang, "a@b.example")
			injected(t, Params{}, lang, "a@b.example"+x)
			injected(t, Params{}, lang, x)
		}
		if s := encodedSubject(x); strings.ContainsAny(strings.ReplaceAll(s, "\r\n =?", ""), "\r\n") {
			t.Errorf("%q becomes %q", x, s)
		}
	}
	if zh, _, err := fill(DeadlineHalf, Params{Zh: "{until}", Until: "2026-01-01"}); err != nil || zh.Title != "时限过半：{until}" {
		t.Errorf("a parameter was read as a template: %+v %v", zh, err)
	}
}

func FuzzLetter(f *testing.F) {
	for _, x := range hostile() {
		f.Add(x, x, "a@b.example")
	}
	f.Fuzz(func(t *testing.T, a, b, to string) {
		injected(t, Params{Resource: a, Member: b, Until: a, Zh: b, En: a}, "zh", to)
		injected(t, Params{Resource: b, Member: a, Until: b, Zh: a, En: b}, "en", to)
	})
}

// TestTexts: both languages, no placeholder forgotten, nothing that is no parameter.
func TestTexts(t *testing.T) {
	seen := map[Kind]bool{}
	for _, k := range Kinds() {
		if seen[k.Kind] {
			t.Errorf("%s twice", k.Kind)
		}
		seen[k.Kind] = true
		zh, en, err := fill(k.Kind, Params{Resource: "R", Member: "M", Until: "U", Zh: "W", En: "W"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{zh.Title, zh.Body, en.Title, en.Body} {
			if s == "" || strings.ContainsAny(s, "{}\n") {
				t.Errorf("%s: %q", k.Kind, s)
			}
		}
		for _, p := range []string{"{resource}", "{member}", "{until}", "{what}"} {
			if strings.Contains(k.Zh, p) != strings.Contains(k.En, p) || strings.Contains(k.TitleZh, p) != strings.Contains(k.TitleEn, p) {
				t.Errorf("%s: %s in one language only", k.Kind, p)
			}
		}
	}
}
