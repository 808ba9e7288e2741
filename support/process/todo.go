package process

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
)

// Process is a kind of case whatever its document: what lists, commands and pages of all kinds need.
type Process interface {
	Spec() *Table
	// ActJSON is Kind.Act with what is said as JSON, and the case as everybody sees it.
	ActJSON(ctx context.Context, sess *identity.Session, ref string, e Event, note string, said json.RawMessage) (*Summary, error)
	// Document is a case of the scope as JSON, with its summary and history.
	Document(ctx context.Context, sc db.Scope, ref string) (*View, error)
}

// Summary is a case in a list.
type Summary struct {
	Kind       string    `json:"kind"`
	ID         string    `json:"id"`
	Number     string    `json:"number"`
	Side       Side      `json:"side,omitempty"`
	State      State     `json:"state"`
	Pending    string    `json:"pending,omitempty"` // what waits within the state
	Department string    `json:"department,omitempty"`
	Member     string    `json:"member,omitempty"` // at the other end
	Ref        string    `json:"ref,omitempty"`
	Subject    string    `json:"subject,omitempty"`
	Title      string    `json:"title,omitempty"`
	Due        time.Time `json:"due,omitzero"` // earliest deadline of this end
	Created    time.Time `json:"created"`
	Updated    time.Time `json:"updated"`
}

// View is one case.
type View struct {
	Summary
	Document json.RawMessage `json:"document"`
	History  []Step          `json:"history"`
	Events   []Event         `json:"events"` // possible now, by whoever may
}

// Spec implements Process.
func (k *Kind[D]) Spec() *Table { return k.Table }

// ActJSON implements Process.
func (k *Kind[D]) ActJSON(ctx context.Context, sess *identity.Session, ref string, e Event, note string, said json.RawMessage) (*Summary, error) {
	if k.Table.Event(e) == nil {
		return nil, k.Table.noEvent(e)
	}
	args, err := k.Decode(e, said)
	if err != nil {
		return nil, err
	}
	d, err := k.Act(ctx, sess, ref, "", e, Given{Note: note, Args: args})
	if err != nil {
		return nil, err
	}
	return k.summary(d), nil
}

func (k *Kind[D]) summary(d *D) *Summary {
	c, x := k.Case(d), k.hooks.Index(d)
	_, pending, _ := strings.Cut(k.turn(d), "/")
	return &Summary{
		Kind: k.Table.Kind, ID: c.ID, Number: c.Number, Side: c.Side, State: c.State, Pending: pending, Department: c.Department, Member: x.Member, Ref: x.Ref,
		Subject: x.Subject, Title: x.Title, Created: c.Created, Updated: c.Updated,
	}
}

// Document implements Process.
func (k *Kind[D]) Document(ctx context.Context, sc db.Scope, ref string) (*View, error) {
	d, err := k.Get(ctx, k.e.DB.Read(), sc, Query{ID: ref})
	if err != nil {
		return nil, err
	}
	v := &View{Summary: *k.summary(d)}
	if v.Document, err = json.Marshal(d); err != nil {
		return nil, err
	}
	c := k.Case(d)
	for _, e := range k.Table.EventNames() {
		if row := k.Table.Event(e); k.Table.Allows(c.State, e, c.Done) && len(row.by(c.Side)) > 0 {
			v.Events = append(v.Events, e)
		}
	}
	v.History, err = k.History(ctx, k.e.DB.Read(), d)
	return v, err
}

// Kinds lists the kinds of case of the node, in the order in which they were opened.
func (e *Engine) Kinds() []Process { return e.kinds }

// Kind finds a kind by name: ErrKind, with those there are.
func (e *Engine) Kind(name string) (Process, error) {
	names := make([]string, len(e.kinds))
	for i, k := range e.kinds {
		if names[i] = k.Spec().Kind; names[i] == name {
			return k, nil
		}
	}
	return nil, ErrKind.With(name, strings.Join(names, ", "))
}

type summaryRow struct {
	Kind, ID, Side, Number, Department, Member, Ref, Subject, Title, State, Turn string
	Due, Created, Updated                                                        int64
}

const summaryColumns = "kind, id, side, number, department, member, ref, subject, title, state, turn, due, created, updated"

func (r *summaryRow) summary() Summary {
	_, pending, _ := strings.Cut(r.Turn, "/")
	s := Summary{
		Kind: r.Kind, ID: r.ID, Number: r.Number, Side: Side(r.Side), State: State(r.State), Pending: pending, Department: r.Department, Member: r.Member,
		Ref: r.Ref, Subject: r.Subject, Title: r.Title, Created: time.UnixMicro(r.Created).UTC(), Updated: time.UnixMicro(r.Updated).UTC(),
	}
	if r.Due != noDue {
		s.Due = time.UnixMicro(r.Due).UTC()
	}
	return s
}

// Filter narrows a list of to-dos and cases.
type Filter struct {
	Kind  string // empty: all
	Word  string // of List: a number, an id, or words of the title, the subject or the other member
	Limit int    // at most 500; 0 means 50
}

func (f *Filter) limit() int {
	if f.Limit < 1 {
		return 50
	}
	return min(f.Limit, 500)
}

// check refuses a filter of a kind that there is not: ErrKind.
func (e *Engine) check(f Filter) error {
	if f.Kind == "" {
		return nil
	}
	_, err := e.Kind(f.Kind)
	return err
}

// Todos lists what waits for a session's roles in its department, and for the authority's in the whole node: the earliest
// deadline first, then the oldest. It is computed from the state of the cases.
func (e *Engine) Todos(ctx context.Context, sess *identity.Session, f Filter) ([]Summary, error) {
	if err := e.check(f); err != nil {
		return nil, err
	}
	var out []Summary
	for _, k := range e.kinds {
		t := k.Spec()
		if f.Kind != "" && f.Kind != t.Kind {
			continue
		}
		for _, w := range t.waiting(sess.Roles) {
			got, err := e.waiting(ctx, sess, t.Kind, w, f.limit())
			if err != nil {
				return nil, err
			}
			out = append(out, got...)
		}
	}
	slices.SortStableFunc(out, func(a, b Summary) int {
		switch {
		case a.Due.IsZero() != b.Due.IsZero():
			if a.Due.IsZero() {
				return 1
			}
			return -1
		case !a.Due.Equal(b.Due):
			return a.Due.Compare(b.Due)
		}
		return cmp.Or(a.Updated.Compare(b.Updated), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(len(out), f.limit())], nil
}

// turnOf is a place where cases wait for somebody.
type turnOf struct {
	side Side
	turn string
	wide bool // for the authority: whatever the department
}

// waiting are the places where cases wait for one of the roles.
func (t *Table) waiting(roles []identity.Role) []turnOf {
	var out []turnOf
	for i := range t.States {
		s := &t.States[i]
		for pending, who := range s.Waits {
			turn := string(s.State)
			if pending != "" {
				turn += "/" + pending
			}
			for _, w := range who {
				own := slices.ContainsFunc(w.Roles, func(r identity.Role) bool { return r != identity.Authority && slices.Contains(roles, r) })
				wide := slices.Contains(w.Roles, identity.Authority) && slices.Contains(roles, identity.Authority)
				if own || wide {
					out = append(out, turnOf{w.Side, turn, wide})
				}
			}
		}
	}
	return out
}

func (e *Engine) waiting(ctx context.Context, sess *identity.Session, kind string, w turnOf, limit int) ([]Summary, error) {
	cond, args := "kind = ? AND side = ? AND turn = ?", []any{kind, string(w.side), w.turn}
	if !w.wide {
		cond, args = cond+" AND department = ?", append(args, sess.Department)
	}
	return e.summaries(ctx, cond+" ORDER BY due, id", limit, args...)
}

func (e *Engine) summaries(ctx context.Context, where string, limit int, args ...any) ([]Summary, error) {
	var rows []summaryRow
	if err := e.DB.Read().NewRaw("SELECT "+summaryColumns+" FROM process_case WHERE "+where+" LIMIT ?", append(args, limit)...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	out := make([]Summary, len(rows))
	for i := range rows {
		out[i] = rows[i].summary()
	}
	return out, nil
}

// List lists cases of the scope over all kinds, latest first: those a word names, or all.
func (e *Engine) List(ctx context.Context, sc db.Scope, f Filter) ([]Summary, error) {
	if err := e.check(f); err != nil {
		return nil, err
	}
	cond, args := sc.Where("department")
	if f.Kind != "" {
		cond, args = "kind = ? AND "+cond, append([]any{f.Kind}, args...)
	}
	if f.Word == "" {
		return e.summaries(ctx, cond+" ORDER BY updated DESC, id", f.limit(), args...)
	}
	if n, ok := ParseNumber(f.Word); ok {
		return e.summaries(ctx, "number = ? AND "+cond+" ORDER BY updated DESC, id", f.limit(), append([]any{n}, args...)...)
	}
	like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(f.Word) + "%"
	cond += ` AND (id = ? OR ref = ? OR title LIKE ? ESCAPE '\' OR subject LIKE ? ESCAPE '\' OR member = ?)`
	return e.summaries(ctx, cond+" ORDER BY updated DESC, id", f.limit(), append(args, f.Word, f.Word, like, like, f.Word)...)
}

// Show is one case of the scope, by id, number or other name, whatever its kind.
func (e *Engine) Show(ctx context.Context, sc db.Scope, ref string) (*View, error) {
	k, err := e.kindOf(ctx, sc, ref)
	if err != nil {
		return nil, err
	}
	return k.Document(ctx, sc, ref)
}

// Act causes an event in a case, whatever its kind.
func (e *Engine) Act(ctx context.Context, sess *identity.Session, ref string, ev Event, note string, said json.RawMessage) (*Summary, error) {
	k, err := e.kindOf(ctx, sess.Scope(), ref)
	if err != nil {
		return nil, err
	}
	return k.ActJSON(ctx, sess, ref, ev, note, said)
}

func (e *Engine) kindOf(ctx context.Context, sc db.Scope, ref string) (Process, error) {
	n, _ := ParseNumber(ref)
	cond, args := sc.Where("department || ''")
	for _, by := range [][2]string{{"number", n}, {"id", ref}, {"ref", ref}} {
		if by[1] == "" {
			continue
		}
		for _, k := range e.kinds {
			got, err := e.summaries(ctx, "kind = ? AND "+by[0]+" = ? AND "+cond+" ORDER BY updated DESC", 1, append([]any{k.Spec().Kind, by[1]}, args...)...)
			if err != nil {
				return nil, err
			}
			if len(got) > 0 {
				return k, nil
			}
		}
	}
	return nil, ErrNoSuch.With()
}
