package peer

import (
	"maps"
	"net/http"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
)

// HeaderVersion tells members which version of the program answers.
const HeaderVersion = "Kuayu-Version"

// Contact is how a member was reached last, since this node started. Times are this node's.
type Contact struct {
	At      time.Time     // of its last answer; zero: none yet
	Took    time.Duration // until that answer began
	Ahead   time.Duration // its clock before ours, to the second; requests live for half a minute
	Version string        // of its program; empty: not told
	Ends    time.Time     // when the certificate it showed ends
	Failed  time.Time     // when it could not be reached last; zero: never
	Err     *errs.Error   // why
}

// Reached reports whether the last attempt was answered.
func (c *Contact) Reached() bool { return !c.At.IsZero() && c.At.After(c.Failed) }

// Contacts are the members that this node has tried to reach since it started.
func (l *Link) Contacts() map[string]Contact {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.contacts)
}

func (l *Link) note(member string, change func(*Contact)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.contacts[member]
	change(&c)
	if l.contacts == nil {
		l.contacts = map[string]Contact{}
	}
	l.contacts[member] = c
}

// silent notes that a member could not be reached, and hands the reason on.
func (l *Link) silent(member string, err error) error {
	l.note(member, func(c *Contact) { c.Failed, c.Err = l.Clock.Now(), errs.As(err) })
	return err
}

// heard notes an answer that came over a line: its clock, version and certificate were told when the line was opened.
func (l *Link) heard(member string, sent time.Time) {
	now := l.Clock.Now()
	l.note(member, func(c *Contact) { c.At, c.Took = now, now.Sub(sent) })
}

// answered notes an answer, refusals too.
func (l *Link) answered(member string, sent time.Time, res *http.Response) {
	now := l.Clock.Now()
	l.note(member, func(c *Contact) {
		c.At, c.Took = now, now.Sub(sent)
		if v := res.Header.Get(HeaderVersion); v != "" && len(v) <= 32 {
			c.Version = v
		}
		if res.TLS != nil && len(res.TLS.PeerCertificates) > 0 {
			c.Ends = res.TLS.PeerCertificates[0].NotAfter
		}
		// The header counts whole seconds: what lies within the second it names is no difference.
		if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
			c.Ahead = 0
			if d := at.Sub(now); d > 0 {
				c.Ahead = d
			} else if d := at.Add(time.Second).Sub(sent); d < 0 {
				c.Ahead = d
			}
		}
	})
}
