package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/peer"
)

// The queue's kinds of jobs.
const (
	KindTell    = "search.tell"    // tells the members that this node's catalogue changed
	KindFetch   = "search.fetch"   // reads what changed in one member's catalogue
	KindRefresh = "search.refresh" // reads all of them, and sets the timer for the next time
)

// KindChanged is the kind of message that tells a member: something changed in my catalogue, come and read.
const KindChanged = "search.changed"

const (
	// gather is how long changes are gathered before the members are told.
	gather = 200 * time.Millisecond
	// Interval is how often every member is asked though it told nothing, with up to a sixth more so that members don't ask
	// at once.
	Interval = time.Hour
	// timeout is how old a copy may be before it counts as stale: two rounds were missed.
	timeout = 2*Interval + Interval/2
	// settleAfter is how many entries make the full-text index worth joining.
	settleAfter = 5000
)

// Reader reads what changed in a member's catalogue since a position, empty for the beginning.
type Reader interface {
	Changes(ctx context.Context, member, position string) (*Delta, error)
}

// Deps are what the service needs.
type Deps struct {
	Self    string
	DB      *db.DB // records
	Index   *Index
	Clock   clock.Clock
	IDs     ids.Source
	Queue   *queue.Queue
	Mailbox *peer.Mailbox
	Members *federation.Directory
	Reader  Reader
}

// Service keeps the copy.
type Service struct {
	self    string
	db      *db.DB
	index   *Index
	clock   clock.Clock
	ids     ids.Source
	queue   *queue.Queue
	post    *peer.Mailbox
	members *federation.Directory
	reader  Reader
}

// NewService wires the service and registers its jobs and its message.
func NewService(d Deps) *Service {
	s := &Service{self: d.Self, db: d.DB, index: d.Index, clock: d.Clock, ids: d.IDs, queue: d.Queue, post: d.Mailbox, members: d.Members, reader: d.Reader}
	d.Queue.Handle(KindTell, s.tell)
	d.Queue.Handle(KindFetch, s.fetch)
	d.Queue.Handle(KindRefresh, s.refresh)
	d.Mailbox.Handle(KindChanged, peer.Handler{In: s.changed})
	d.Mailbox.OnSettled(KindChanged, s.settled)
	return s
}

// Search finds entries of all members.
func (s *Service) Search(ctx context.Context, q Query) (*Answer, error) {
	a, err := s.index.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	a.Members, err = s.Members(ctx)
	return a, err
}

// Entry is the entry of a member's catalogue, as it was read last; ErrNoEntry.
func (s *Service) Entry(ctx context.Context, member, code string) (*Entry, error) {
	return s.index.Entry(ctx, member, code)
}

// DepartmentName is what a member calls one of its departments; "" if it told of no such department.
func (s *Service) DepartmentName(ctx context.Context, member, id string) (string, error) {
	return s.index.DepartmentName(ctx, member, id)
}

// Departments are those a member told of, by code; at most limit.
func (s *Service) Departments(ctx context.Context, member string, limit int) ([]Department, error) {
	return s.index.Departments(ctx, member, limit)
}

// everybody lists the members, with this node though it may not have joined yet.
func (s *Service) everybody() []string {
	out := []string{}
	for _, m := range s.members.Current().Members {
		out = append(out, m.ID)
	}
	if !among(out, s.self) {
		out = append(out, s.self)
	}
	return out
}

// Members tells how true the copy of each member's catalogue is; a member that was never read is told, too.
func (s *Service) Members(ctx context.Context) ([]Freshness, error) {
	had, err := s.index.Members(ctx, s.clock.Now(), timeout)
	if err != nil {
		return nil, err
	}
	byID := map[string]Freshness{}
	for _, f := range had {
		byID[f.Member] = f
	}
	out := []Freshness{}
	for _, id := range s.everybody() {
		f, ok := byID[id]
		if !ok {
			f = Freshness{Member: id, Stale: true}
		}
		out = append(out, f)
	}
	return out, nil
}

// Refresh asks a member now, or all of them; whole begins anew. It returns how true the copy was before.
func (s *Service) Refresh(ctx context.Context, sess *identity.Session, member string, whole bool) ([]Freshness, error) {
	if err := sess.Require(identity.Operator); err != nil {
		return nil, err
	}
	var which []string
	for _, id := range s.everybody() {
		if member == "" || id == member {
			which = append(which, id)
		}
	}
	if len(which) == 0 && member != "" {
		return nil, ErrMember.With(clip(member))
	}
	before, err := s.Members(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range which {
		if whole {
			if err := s.index.Forget(ctx, m); err != nil {
				return nil, err
			}
		}
	}
	return before, s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, m := range which {
			if err := s.ask(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// clip keeps what a caller made up from filling an error.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return fmt.Sprintf("%q", s)
}

// Start sees to it that every member is asked once now: what was missed while this node was down is caught up with.
func (s *Service) Start(ctx context.Context) error {
	return s.db.Write(ctx, s.FederationChanged)
}

// FederationChanged is told in the transaction that changes who is a member, or where one is reached.
func (s *Service) FederationChanged(ctx context.Context, tx *db.Tx) error {
	return s.queue.Enqueue(ctx, tx, queue.Job{ID: KindRefresh, Kind: KindRefresh})
}

// CatalogChanged implements catalog.Observer: this node's own entries are read again, and the members are told, once for
// all changes of a moment.
func (s *Service) CatalogChanged(ctx context.Context, tx *db.Tx) error {
	if err := s.ask(ctx, tx, s.self); err != nil {
		return err
	}
	at := s.clock.Now().Truncate(gather).Add(gather)
	return s.queue.Enqueue(ctx, tx, queue.Job{ID: fmt.Sprintf("%s/%d", KindTell, at.UnixMilli()), Kind: KindTell, RunAt: at})
}

func (s *Service) ask(ctx context.Context, tx *db.Tx, member string) error {
	return s.queue.Enqueue(ctx, tx, queue.Job{ID: KindFetch + "/" + member, Kind: KindFetch, Payload: member})
}

// The states of a member that was told.
const (
	toldOnce  = 0 // it has not acknowledged yet
	toldAgain = 1 // … and something changed since
	toldDeaf  = 2 // it does not know such messages; it is asked nothing more of until the next round
)

// tell sends each member one message. While one is under way to a member no other follows: it is sent when the first has
// arrived. However much is published while a member is away, one message waits for it.
func (s *Service) tell(ctx context.Context, _ queue.Job) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, m := range s.members.Current().Members {
			if m.ID == s.self {
				continue
			}
			if _, err := s.members.Statement(m.ID); err != nil {
				continue // nobody knows yet where it is; it asks when it joins
			}
			var was []int64
			if err := tx.NewRaw("SELECT again FROM directory_told WHERE member = ?", m.ID).Scan(ctx, &was); err != nil {
				return fmt.Errorf("tell members: %w", err)
			}
			switch {
			case len(was) == 0:
				if err := s.send(ctx, tx, m.ID); err != nil {
					return err
				}
			case was[0] == toldOnce:
				if _, err := tx.NewRaw("UPDATE directory_told SET again = ? WHERE member = ?", toldAgain, m.ID).Exec(ctx); err != nil {
					return fmt.Errorf("tell members: %w", err)
				}
			}
		}
		return nil
	})
}

// note is the body of the message. It carries nothing: what changed is read from the catalogue.
type note struct {
	Format int `json:"format"`
}

func (s *Service) send(ctx context.Context, tx *db.Tx, member string) error {
	body, err := json.Marshal(note{Format: 1})
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("INSERT INTO directory_told (member, again) VALUES (?, ?) ON CONFLICT (member) DO UPDATE SET again = excluded.again", member, toldOnce).Exec(ctx)
	if err != nil {
		return fmt.Errorf("tell members: %w", err)
	}
	return s.post.Send(ctx, tx, member, "directory", KindChanged, body)
}

// settled learns that a member has the message, or refuses it.
func (s *Service) settled(ctx context.Context, m peer.Message, _ *peer.Answer, refusal error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if refusal != nil && !errors.Is(refusal, peer.ErrOvertaken) { // overtaken: it has heard a later one
			_, err := tx.NewRaw("UPDATE directory_told SET again = ? WHERE member = ?", toldDeaf, m.To).Exec(ctx)
			return err
		}
		var was []int64
		if err := tx.NewRaw("SELECT again FROM directory_told WHERE member = ?", m.To).Scan(ctx, &was); err != nil {
			return fmt.Errorf("tell members: %w", err)
		}
		if len(was) == 1 && was[0] == toldAgain {
			return s.send(ctx, tx, m.To)
		}
		_, err := tx.NewRaw("DELETE FROM directory_told WHERE member = ?", m.To).Exec(ctx)
		return err
	})
}

// changed takes the message of a member.
func (s *Service) changed(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
	var n note
	if err := httpx.Unmarshal(in.Body, &n); err != nil {
		return nil, err
	}
	return nil, s.ask(ctx, tx, in.From)
}

// fetch reads what changed in a member's catalogue until nothing is left. It goes on where it was, after a restart too.
func (s *Service) fetch(ctx context.Context, j queue.Job) error {
	member := j.Payload
	if !among(s.everybody(), member) {
		return s.index.Drop(ctx, member)
	}
	taken := 0
	for {
		from, err := s.index.Position(ctx, member)
		if err != nil {
			return err
		}
		d, err := s.reader.Changes(ctx, member, from)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			return errors.Join(err, s.index.Failed(ctx, member, errs.As(err).Code, s.clock.Now()))
		}
		if d.More && d.Position == from {
			return errs.ErrInternal.Because(fmt.Errorf("reading the catalogue of %s makes no progress at %q", member, from))
		}
		err = s.index.Apply(ctx, member, from, d, s.clock.Now())
		if errors.Is(err, errMoved) {
			return nil // another instance reads, and was ahead
		}
		if err != nil {
			return err
		}
		taken += len(d.Entries)
		if !d.More {
			break
		}
	}
	if taken < settleAfter {
		return nil
	}
	return s.index.Settle(ctx)
}

// refresh asks every member, forgets those that are none any more, and sets the timer.
func (s *Service) refresh(ctx context.Context, _ queue.Job) error {
	had, err := s.index.Members(ctx, s.clock.Now(), timeout)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		which := map[string]bool{}
		for _, f := range had {
			which[f.Member] = true // one that left is dropped by its job
		}
		for _, id := range s.everybody() {
			which[id] = true
		}
		for m := range which {
			if err := s.ask(ctx, tx, m); err != nil {
				return err
			}
		}
		if _, err := tx.NewRaw("DELETE FROM directory_told WHERE again = ?", toldDeaf).Exec(ctx); err != nil {
			return fmt.Errorf("refresh: %w", err)
		}
		return s.queue.Enqueue(ctx, tx, queue.Job{ID: KindRefresh, Kind: KindRefresh, RunAt: s.clock.Now().Add(Interval + s.jitter())})
	})
}

// jitter is up to a sixth of the interval, by chance that comes in as a value.
func (s *Service) jitter() time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.ids.NewID()))
	return time.Duration(h.Sum32()%600) * Interval / 3600
}
