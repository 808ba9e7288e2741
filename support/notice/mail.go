package notice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/queue"
)

// How a connection to the mail server is protected.
const (
	StartTLS = "starttls"
	TLS      = "tls"
	Plain    = "none" // on loopback only
)

const (
	mailPatience = 30 * time.Second
	mailTries    = 300 // with the queue's pauses about a day
)

// MailConfig says how mail leaves the node. The password stands in a file of its own, read when it is needed.
type MailConfig struct {
	Host         string `json:"host"`
	Port         int    `json:"port"`
	From         string `json:"from"`
	Username     string `json:"username,omitempty"`
	PasswordFile string `json:"password_file,omitempty"`
	TLS          string `json:"tls"`               // starttls, tls, or none on loopback
	CAFile       string `json:"ca_file,omitempty"` // PEM; default the system's
	Digest       Mode   `json:"digest"`            // for officers who chose nothing: each or daily
	Link         string `json:"link"`              // what deep links begin with, https://…
}

// Defaults fills what is empty.
func (c MailConfig) Defaults(link string) MailConfig {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	if c.Port == 0 {
		c.Port = map[string]int{StartTLS: 587, TLS: 465, Plain: 25}[c.TLS]
	}
	if c.Digest == "" {
		c.Digest = Each
	}
	if c.Link == "" {
		c.Link = link
	}
	c.Link = strings.TrimSuffix(c.Link, "/")
	return c
}

// Check validates the configuration.
func (c *MailConfig) Check() error {
	bad := func(en, zh string) error { return ErrMailConfig.With(en, zh) }
	link, err := url.Parse(c.Link)
	switch {
	case c.Host == "" || strings.ContainsAny(c.Host, " \r\n/@"):
		return bad("host", "host")
	case c.Port < 1 || c.Port > 65535:
		return bad("port must be 1 to 65535", "port 须为 1 至 65535")
	case c.TLS != StartTLS && c.TLS != TLS && c.TLS != Plain:
		return bad("tls must be starttls, tls or none", "tls 须为 starttls、tls 或 none")
	case c.TLS == Plain && !loopbackName(c.Host):
		return bad("tls none is for a server on this machine only", "tls 为 none 仅限本机邮件服务器")
	case (c.Username == "") != (c.PasswordFile == ""):
		return bad("username and password_file go together", "username 与 password_file 须同时填写")
	case strings.ContainsAny(c.Username, "\r\n\x00"):
		return bad("username", "username")
	case c.Digest != Each && c.Digest != Daily:
		return bad("digest must be each or daily", "digest 须为 each 或 daily")
	case err != nil || (link.Scheme != "https" && link.Scheme != "http") || link.Host == "" || strings.ContainsFunc(c.Link, func(r rune) bool { return r <= ' ' || r > '~' }):
		return bad("link must be an address, https://…", "link 须为 https://… 地址")
	}
	if _, err := address(c.From); err != nil {
		return ErrMailConfig.Because(err, "from must be a plain address", "from 须为普通邮箱地址")
	}
	return nil
}

// loopbackName reports whether a host as configured can only be this machine.
func loopbackName(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Mail sends mail by SMTP (RFC 5321).
type Mail struct {
	conf MailConfig
	from mail.Address
	pool *x509.CertPool // nil: the system's
}

// NewMail checks the configuration and reads the CA file; the password is read when mail is sent.
func NewMail(c MailConfig) (*Mail, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	m := &Mail{conf: c, from: mail.Address{Address: c.From}}
	if c.CAFile != "" {
		b, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, ErrMailConfig.Because(err, "ca_file cannot be read", "无法读取 ca_file")
		}
		m.pool = x509.NewCertPool()
		if !m.pool.AppendCertsFromPEM(b) {
			return nil, ErrMailConfig.With("ca_file holds no certificate", "ca_file 中没有证书")
		}
	}
	return m, nil
}

// deliver sends a letter. What the server refuses for good, and what has been tried for a day, is not tried again.
func (m *Mail) deliver(ctx context.Context, attempts int, l *letter) error {
	b, err := l.encode(m.from, m.conf.Link)
	if err != nil {
		return queue.Stop(ErrMail.Because(err))
	}
	err = m.send(ctx, l.To, b)
	var reply *textproto.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &reply) && reply.Code >= 550 && reply.Code < 560, attempts >= mailTries:
		return queue.Stop(ErrMail.Because(err))
	}
	return ErrMail.Because(err)
}

// send speaks with the server. net/smtp takes no context: when it ends the connection is closed.
func (m *Mail) send(ctx context.Context, to string, message []byte) error {
	ctx, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(m.conf.Host, strconv.Itoa(m.conf.Port)))
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	secure := &tls.Config{ServerName: m.conf.Host, RootCAs: m.pool, MinVersion: tls.VersionTLS12}
	if m.conf.TLS == TLS {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, m.conf.Host)
	if err != nil {
		_ = conn.Close()
		return err
	}
	defer func() { _ = c.Close() }()
	if m.conf.TLS == StartTLS {
		if err := c.StartTLS(secure); err != nil { // never goes on in clear
			return err
		}
	}
	if m.conf.Username != "" {
		secret, err := os.ReadFile(m.conf.PasswordFile)
		if err != nil {
			return err
		}
		if err := c.Auth(smtp.PlainAuth("", m.conf.Username, strings.TrimRight(string(secret), "\r\n"), m.conf.Host)); err != nil {
			return err
		}
	}
	if err := c.Mail(m.from.Address); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	if err := w.Close(); err != nil { // the server has taken it: from here on nothing may send it again
		return err
	}
	_ = c.Quit()
	return nil
}
