package notice

import (
	"context"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/identity"
)

// The queue's kinds of jobs.
const (
	KindOut    = "notice.out"    // finds out who gets a notice by mail or web-hook
	KindMail   = "notice.mail"   // one mail to one officer
	KindDigest = "notice.digest" // one day's mail to one officer
	KindHook   = "notice.hook"   // one call of one web-hook
)

// Keep is how long the inbox keeps a notice. What it was about stays in its package.
const Keep = 400 * 24 * time.Hour

// Staff tells who works where. identity.Service is one.
type Staff interface {
	Actors(ctx context.Context, sc db.Scope) ([]identity.Actor, error)
}

// Deps are what the service needs.
type Deps struct {
	DB    *db.DB
	Clock clock.Clock
	IDs   ids.Source
	Queue *queue.Queue
	Staff Staff
	Mail  *Mail // nil: no mail leaves
	Namer Namer // nil: codes stand as they are
	// Path is the page of a subject, for notices that name none; nil or "": the inbox.
	Path func(subject string) string
}

// Namer says what the codes of a notice stand for; a code that it does not know comes back as it is.
type Namer interface {
	Member(id string) (zh, en string)
	Resource(ctx context.Context, tx *db.Tx, member, code string) (zh, en string)
}

// Service is the service of this package.
type Service struct {
	db    *db.DB
	clock clock.Clock
	ids   ids.Source
	queue *queue.Queue
	staff Staff
	mail  *Mail
	namer Namer
	path  func(subject string) string
}

// NewService wires the service and registers its jobs.
func NewService(d Deps) *Service {
	s := &Service{db: d.DB, clock: d.Clock, ids: d.IDs, queue: d.Queue, staff: d.Staff, mail: d.Mail, namer: d.Namer, path: d.Path}
	d.Queue.Handle(KindOut, s.out)
	d.Queue.Handle(KindMail, s.sendOne)
	d.Queue.Handle(KindDigest, s.sendDigest)
	d.Queue.Handle(KindHook, s.call)
	return s
}

// Put stores a notice in the transaction of what caused it: n says for whom, of what kind, about what; p fills its text.
// Identifier and time are given here.
func (s *Service) Put(ctx context.Context, tx *db.Tx, sc db.Scope, n Notice, p Params) error {
	if n.Link == "" && s.path != nil {
		n.Link = s.path(n.Subject)
	}
	if n.Link == "" {
		n.Link = "/inbox"
	}
	if err := n.check(); err != nil {
		return err
	}
	if !sc.Owns(n.Department) {
		return ErrOutside.With()
	}
	if s.namer != nil {
		if p.Resource != "" {
			p.Resource, p.resourceEn = s.namer.Resource(ctx, tx, p.Member, p.Resource)
		}
		if p.Member != "" {
			p.Member, p.memberEn = s.namer.Member(p.Member)
		}
	}
	var err error
	if n.Zh, n.En, err = fill(n.Kind, p); err != nil {
		return err
	}
	n.ID, n.At = s.ids.NewID(), s.clock.Now()
	if err := s.save(ctx, tx, &n); err != nil {
		return err
	}
	leaves, err := s.leaves(ctx, tx, n.Department)
	if err != nil || !leaves {
		return err
	}
	// A department's notices leave in the order in which they were put: calls are queued by these jobs, and what two
	// workers queued at once would reach a receiver in either order.
	return s.queue.Enqueue(ctx, tx, queue.Job{ID: KindOut + "/" + n.ID, Kind: KindOut, Payload: n.ID, SerialKey: KindOut + "/" + n.Department})
}

// out finds the officers and web-hooks a notice goes to, and gives each a job of its own. Running twice changes nothing:
// the jobs have the same names, and what was delivered meanwhile carries the same identifier.
func (s *Service) out(ctx context.Context, j queue.Job) error {
	n, err := s.byID(ctx, s.db.Read(), db.System("out"), j.Payload)
	if err != nil || n == nil {
		return err
	}
	var to []identity.Actor
	if s.mail != nil {
		all, err := s.staff.Actors(ctx, db.System("mail"))
		if err != nil {
			return err
		}
		for i := range all {
			if !all[i].Disabled && n.isFor(all[i].Department, all[i].Roles) {
				to = append(to, all[i])
			}
		}
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := range to {
			p, err := s.preference(ctx, tx, to[i].ID)
			if err != nil {
				return err
			}
			if err := s.post(ctx, tx, n, p); err != nil {
				return err
			}
		}
		hooks, err := s.hooks(ctx, tx, db.System("out"), "department = ? AND disabled = 0", n.Department)
		if err != nil {
			return err
		}
		for i := range hooks {
			if !hooks[i].hears(n.Kind) {
				continue
			}
			id := n.ID + "/" + hooks[i].ID
			// One receiver gets its calls one after the other: the next waits for the one before.
			if err := s.queue.Enqueue(ctx, tx, queue.Job{ID: KindHook + "/" + id, Kind: KindHook, Payload: id, SerialKey: KindHook + "/" + hooks[i].ID}); err != nil {
				return err
			}
		}
		return nil
	})
}

// post queues a notice's mail to one officer, as the officer wants it.
func (s *Service) post(ctx context.Context, tx *db.Tx, n *Notice, p Preference) error {
	if p.Mail == "" {
		return nil
	}
	switch p.Mode {
	case Each:
		id := n.ID + "/" + p.actor
		return s.queue.Enqueue(ctx, tx, queue.Job{ID: KindMail + "/" + id, Kind: KindMail, Payload: id})
	case Daily:
		at := nextDigest(n.At)
		return s.queue.Enqueue(ctx, tx, queue.Job{ID: KindDigest + "/" + p.actor + "/" + at.Format(time.DateOnly), Kind: KindDigest, Payload: p.actor, RunAt: at})
	case Off:
	}
	return nil
}

// digestHour is when the day's mail leaves, in China.
const digestHour = 8

// nextDigest is the first time the day's mail leaves after a time.
func nextDigest(after time.Time) time.Time {
	t := after.In(clock.China())
	at := time.Date(t.Year(), t.Month(), t.Day(), digestHour, 0, 0, 0, t.Location())
	if !at.After(t) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// reader finds an active officer; false if there is none any more.
func (s *Service) reader(ctx context.Context, actor string) (identity.Actor, bool, error) {
	all, err := s.staff.Actors(ctx, db.System("mail"))
	if err != nil {
		return identity.Actor{}, false, err
	}
	for i := range all {
		if all[i].ID == actor && !all[i].Disabled {
			return all[i], true, nil
		}
	}
	return identity.Actor{}, false, nil
}

// sendOne mails one notice to one officer, unless the officer has read it, left, or wants no mail any more.
func (s *Service) sendOne(ctx context.Context, j queue.Job) error {
	id, actor, _ := strings.Cut(j.Payload, "/")
	a, ok, err := s.reader(ctx, actor)
	if err != nil || !ok || s.mail == nil {
		return err
	}
	p, err := s.preference(ctx, s.db.Read(), actor)
	if err != nil || p.Mail == "" || p.Mode == Off {
		return err
	}
	n, err := s.unread(ctx, &a, "n.id = ?", id)
	if err != nil || len(n) == 0 {
		return err
	}
	return s.mail.deliver(ctx, j.Attempts, &letter{To: p.Mail, Lang: p.Lang, ID: id + "." + keyOf(actor), At: n[0].At, Notices: n})
}

// sendDigest mails what came since the last day's mail and is still unread.
func (s *Service) sendDigest(ctx context.Context, j queue.Job) error {
	a, ok, err := s.reader(ctx, j.Payload)
	if err != nil || !ok || s.mail == nil {
		return err
	}
	p, err := s.preference(ctx, s.db.Read(), a.ID)
	if err != nil || p.Mail == "" || p.Mode != Daily {
		return err
	}
	upTo := j.RunAt
	if j.Attempts > 0 { // tried again: what came meanwhile may go along
		upTo = s.clock.Now()
	}
	n, err := s.unread(ctx, &a, "n.time > ? AND n.time <= ?", p.digested, upTo.UnixMicro())
	if err != nil {
		return err
	}
	if len(n) > 0 {
		day := upTo.In(clock.China()).Format("20060102")
		if err := s.mail.deliver(ctx, j.Attempts, &letter{To: p.Mail, Lang: p.Lang, ID: "digest." + day + "." + keyOf(a.ID), At: upTo, Notices: n, Digest: true}); err != nil {
			return err
		}
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE notice_preference SET digested = ? WHERE actor = ? AND digested < ?", upTo.UnixMicro(), a.ID, upTo.UnixMicro()).Exec(ctx)
		return err
	})
}
