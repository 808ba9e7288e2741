package deadline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/seal"
)

// FactReminder is the kind of fact about a reminder.
const FactReminder = "deadline.reminder"

// maxReminder bounds the text of a reminder, in characters: it is read in an inbox.
const maxReminder = 120

// Reminder is the authority's word to a department that let a clock run out (Decree 809 art. 38).
type Reminder struct {
	ID         string    `json:"id"`
	Clock      string    `json:"clock"` // Clock.ID
	What       ID        `json:"what"`
	Subject    string    `json:"subject"`
	Department string    `json:"department"` // reminded
	Text       string    `json:"text"`
	By         string    `json:"by"` // officer
	At         time.Time `json:"at"`
}

// Remind tells the department that holds an overdue clock of this node to act. A department of another member is reminded
// by its own authority: what happened is on record at both ends.
func (s *Service) Remind(ctx context.Context, sess *identity.Session, clock, text string) (*Reminder, error) {
	if err := sess.Require(identity.Authority); err != nil {
		return nil, err
	}
	if text = strings.TrimSpace(text); text == "" || utf8.RuneCountInString(text) > maxReminder {
		return nil, ErrText.With(maxReminder)
	}
	r := &Reminder{ID: s.ids.NewID(), Clock: clock, Text: text, By: sess.Actor, At: s.clock.Now()}
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		k, err := s.byID(ctx, tx, sess.Scope(), clock)
		if err != nil {
			return err
		}
		if !k.Open() || k.Late.IsZero() {
			return ErrNotLate.With()
		}
		to := k.Parties.Of(k.Responsible)
		if to.Department != k.Department || k.Watch {
			return ErrElsewhere.With()
		}
		r.What, r.Subject, r.Department = k.Clock, k.Subject, to.Department
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("INSERT INTO deadline_reminder (id, clock, department, time, doc) VALUES (?, ?, ?, ?, ?)", r.ID, clock, r.Department, r.At.UnixMicro(), string(body)).Exec(ctx); err != nil {
			return fmt.Errorf("save reminder: %w", err)
		}
		h := evidence.Header{To: to.Member, ToDept: r.Department, Note: string(r.What) + " " + r.Subject}
		if err := s.outbox.Put(ctx, tx, evidence.Draft{
			Kind: FactReminder, ID: r.ID, Time: r.At, Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}, Header: h.Encode(), Body: body,
		}); err != nil || s.notifier == nil {
			return err
		}
		return s.notifier.Notify(ctx, tx, Notice{Kind: Reminded, At: r.At, To: k.Responsible, Party: to, Clock: *k, Text: text})
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ReminderQuery narrows a list of reminders.
type ReminderQuery struct {
	Clock string // of one clock; empty: of all
	After string // Page.Next of the page before
	Limit int    // at most 500; 0 means 50
}

// Reminders lists the scope's reminders, latest first.
func (s *Service) Reminders(ctx context.Context, sc db.Scope, q ReminderQuery) (*Page[Reminder], error) {
	cond, args := sc.Where("department")
	if q.Clock != "" {
		cond, args = cond+" AND clock = ?", append(args, q.Clock)
	}
	if q.After != "" {
		t, id, err := parseCursor(q.After)
		if err != nil {
			return nil, err
		}
		cond, args = cond+" AND (time < ? OR (time = ? AND id < ?))", append(args, t, t, id)
	}
	n := lines(q.Limit)
	var docs []string
	if err := s.db.Read().NewRaw("SELECT doc FROM deadline_reminder WHERE "+cond+" ORDER BY time DESC, id DESC LIMIT ?", append(args, n+1)...).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("list reminders: %w", err)
	}
	return paged(docs, n, func(r *Reminder) string { return cursor(r.At, r.ID) })
}
