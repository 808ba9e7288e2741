package notice

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"time"
)

// letter is one mail before it is written: to one officer, about one notice or a day's.
type letter struct {
	To, Lang string
	ID       string // the same whenever it is tried again: a mailbox may drop the second
	At       time.Time
	Notices  []Notice
	Digest   bool
}

// keyOf stands for an actor in a Message-ID.
func keyOf(actor string) string {
	h := sha256.Sum256([]byte(actor))
	return hex.EncodeToString(h[:8])
}

// pick chooses a language.
func pick(lang, zh, en string) string {
	if lang == "en" {
		return en
	}
	return zh
}

func (l *letter) subject() string {
	if l.Digest || len(l.Notices) != 1 {
		return fmt.Sprintf(pick(l.Lang, "【跨域】今日有 %d 条未读通知", "[Kuayu] %d unread notices today"), len(l.Notices))
	}
	return pick(l.Lang, "【跨域】", "[Kuayu] ") + l.Notices[0].in(l.Lang).Title
}

// body is the plain text. A day's mail groups by kind, in the order in which the kinds came.
func (l *letter) body(link string) string {
	var b strings.Builder
	groups, order := map[Kind][]*Notice{}, []Kind{}
	for i := range l.Notices {
		n := &l.Notices[i]
		if groups[n.Kind] == nil {
			order = append(order, n.Kind)
		}
		groups[n.Kind] = append(groups[n.Kind], n)
	}
	for _, k := range order {
		if l.Digest {
			title, _, _ := strings.Cut(groups[k][0].in(l.Lang).Title, pick(l.Lang, "：", ":"))
			fmt.Fprintf(&b, "== %s (%d)\n\n", title, len(groups[k]))
		}
		for _, n := range groups[k] {
			fmt.Fprintf(&b, "%s\n%s%s\n%s%s\n\n", n.in(l.Lang).Body, pick(l.Lang, "事项：", "Matter: "), n.Subject, pick(l.Lang, "办理：", "Act here: "), link+n.Link)
		}
	}
	b.WriteString("-- \n" + pick(l.Lang, "本邮件由系统自动发送，请勿回复。接收方式可在通知设置中更改。", "Sent by machine; please do not answer. How you are told can be changed in your preferences.") + "\n")
	return b.String()
}

// encodedSubject writes a header text by RFC 2047, folded after each encoded word. Whatever it holds, it starts no line.
func encodedSubject(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	if w := mime.BEncoding.Encode("utf-8", s); w != s {
		return strings.ReplaceAll(w, "?= =?", "?=\r\n =?")
	}
	return s
}

// encode writes the mail as it goes over the wire (RFC 5322, 2045, 2047).
func (l *letter) encode(from mail.Address, link string) ([]byte, error) {
	to, err := address(l.To)
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	var b strings.Builder
	for _, h := range [][2]string{
		{"From", (&mail.Address{Name: pick(l.Lang, "跨域数据共享", "Kuayu"), Address: from.Address}).String()},
		{"To", "<" + to + ">"},
		{"Subject", encodedSubject(l.subject())},
		{"Date", l.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + l.ID + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "base64"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(l.body(link), "\n", "\r\n")))
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return []byte(b.String()), nil
}
