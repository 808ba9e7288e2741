package agreement

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// Life is what happened to an application and its agreement besides the answer. It is part of the record at both ends.
type Life struct {
	Papers     *Papers     `json:"papers,omitempty"`
	Extension  *Extension  `json:"extension,omitempty"`
	Change     *Change     `json:"change,omitempty"`
	Suspension *Suspension `json:"suspension,omitempty"`
	Disposing  *Disposing  `json:"disposing,omitempty"`
	Version    int         `json:"version,omitempty"` // how often the agreement was amended
}

// Bounds of what people write down.
const (
	maxText  = 4000 // bytes
	maxLines = 64
)

// text reports whether somebody wrote something of sensible length.
func text(s string) bool { return strings.TrimSpace(s) != "" && len(s) <= maxText }

// faults collects everything wrong with what was said, so that it is told at once.
type faults []errs.Field

func (f *faults) need(ok bool, name, zh, en string) {
	if !ok {
		*f = append(*f, errs.Field{Name: name, Zh: zh, En: en})
	}
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return ErrDetails.With().WithFields(f...)
}

// marked keeps the times of an arrow in the record; the same at both ends.
func (n *Negotiation) marked(e Event, now time.Time) {
	switch e { //nolint:exhaustive // the others leave no such mark
	case Suspend:
		if n.Suspension == nil || !n.Suspension.Resumed.IsZero() {
			n.Suspension = &Suspension{Since: now}
		}
		n.Suspension.Reason = n.Reason
		n.dropChange()
	case Terminate, Expire:
		n.dropChange()
	case Resume:
		if n.Suspension != nil {
			n.Suspension.Resumed = now
		}
	}
}

// overseer is the head of the provider's office, or the authority acting on its behalf (art. 8, 27). What it did
// belongs to the provider's department; the fact names the authority.
func (n *Negotiation) overseer(sess *identity.Session, note string) by {
	b := by{actor: seal.Actor{Department: n.Department(), Officer: sess.Actor}, note: note}
	if sess.Department != n.Department() {
		b.authority = sess.Department
	}
	return b
}

// content is what travels with an effect.
func (b by) content() []byte {
	if b.detail != nil {
		return b.detail
	}
	return b.bytes
}

// saying attaches what was said to an arrow.
func (b by) saying(v any) (by, error) {
	var err error
	b.detail, err = json.Marshal(v)
	return b, err
}

// oversee is act at the provider's end, for its own people or for the authority, which sees every department of its node.
func (s *Service) oversee(ctx context.Context, sess *identity.Session, id string, roles []identity.Role, f func(context.Context, *db.Tx, *Negotiation) error) (*Negotiation, error) {
	if err := sess.Require(roles...); err != nil {
		return nil, err
	}
	sc := db.In(sess.Division, sess.Department, sess.Actor)
	if slices.Contains(roles, identity.Authority) && sess.Has(identity.Authority) {
		sc = db.Oversight(sess.Division, sess.Department, sess.Actor)
	}
	return s.actIn(ctx, sc, id, Provider, f)
}

// RefusedItem is an item that was asked for and is not granted.
type RefusedItem struct {
	Item   string `json:"item"`
	Reason string `json:"reason"`
}

// accounts demands that every item asked for is either granted or refused with a reason (Decree 809 art. 21).
func (g *Grant) accounts(asked []string) error {
	var f faults
	refused := map[string]bool{}
	for _, r := range g.Refused {
		f.need(text(r.Reason), r.Item, "不予共享的数据项须写明理由", "an item refused needs a reason")
		f.need(hasString(asked, r.Item) && !hasString(g.Fields, r.Item) && !refused[r.Item], r.Item, "未申请、已同意或重复列出的数据项不能列为不予共享", "only an item that was asked for and is not granted can be refused, once")
		refused[r.Item] = true
	}
	for _, item := range asked {
		f.need(refused[item] || hasString(g.Fields, item), item, "未说明同意还是不予共享", "neither granted nor refused")
	}
	return f.err()
}

// NoteRefused keeps the provider's reasons for the items it does not grant, which come with its agreement. A reason for
// something else is left out: the agreement counts, not what is said about it.
func (s *Service) NoteRefused(ctx context.Context, tx *db.Tx, member, pid string, refused []RefusedItem) error {
	n, err := s.find(ctx, tx, member, pid, Consumer)
	if err != nil || len(refused) == 0 {
		return err
	}
	seen := map[string]bool{}
	refused = slices.DeleteFunc(refused, func(r RefusedItem) bool {
		twice := seen[r.Item]
		seen[r.Item] = true
		return twice || !text(r.Reason) || !hasString(n.Application.Fields, r.Item)
	})
	g, err := partOf(&n.Application, refused)
	if err != nil {
		return err
	}
	if n.Grant == nil { // else it is the provider's own offer, which was accepted
		n.Grant = g
	}
	n.Grant.Refused = refused
	return s.save(ctx, tx, n, nil)
}

// partOf is what remains granted of an application.
func partOf(a *Application, refused []RefusedItem) (*Grant, error) {
	g := &Grant{Refused: refused}
	for _, item := range a.Fields {
		if !slices.ContainsFunc(refused, func(r RefusedItem) bool { return r.Item == item }) {
			g.Fields = append(g.Fields, item)
		}
	}
	return g, g.accounts(a.Fields)
}

// Missing is one thing an application lacks, and why it is needed.
type Missing struct {
	Item string `json:"item"`
	Why  string `json:"why"`
}

// Papers is the one supplement of an application (Decree 809 art. 21): what was missing, told at once, and what came.
type Papers struct {
	Missing []Missing `json:"missing"`
	Asked   time.Time `json:"asked"`
	AskedBy string    `json:"asked_by,omitempty"` // known where it was asked
	Supply  *Supply   `json:"supply,omitempty"`
	DraftBy string    `json:"draft_by,omitempty"` // who prepared a supply that waits for the head's consent
	Given   time.Time `json:"given,omitzero"`
}

// Supply is the applicant's answer: one text for each missing thing, and the application as corrected, if it changes.
type Supply struct {
	Texts       []Supplied   `json:"texts"`
	Application *Application `json:"application,omitempty"`
}

// Supplied is what was missing, in words.
type Supplied struct {
	Item string `json:"item"`
	Text string `json:"text"`
}

func checkMissing(missing []Missing) error {
	var f faults
	f.need(len(missing) > 0 && len(missing) <= maxLines, "missing", "请一次性列出全部缺少的内容", "list everything that is missing, at once")
	seen := map[string]bool{}
	for _, m := range missing {
		f.need(text(m.Item) && !seen[m.Item], "item", "每项缺少的内容须有名称，且不得重复", "each missing thing needs a name of its own")
		f.need(text(m.Why), m.Item, "须说明为何需要", "say why it is needed")
		seen[m.Item] = true
	}
	return f.err()
}

// AskSupplement is the provider's officer telling everything that is missing, all at once and a single time (Decree 809
// art. 21). A second time is ErrTransition: what was not asked for then may not hold the application up.
func (s *Service) AskSupplement(ctx context.Context, sess *identity.Session, id string, missing []Missing) (*Negotiation, error) {
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if n.Foreign() {
			return ErrForeign.With()
		}
		if err := checkMissing(missing); err != nil {
			return err
		}
		b, err := person(sess, "").saying(missing)
		if err != nil {
			return err
		}
		n.Papers = &Papers{Missing: missing, Asked: s.clock.Now(), AskedBy: sess.Actor}
		return s.move(ctx, tx, n, AskSupplement, b)
	})
}

// check demands an answer to everything that was missing.
func (p *Supply) check(n *Negotiation, now time.Time) error {
	var f faults
	f.need(len(p.Texts) <= maxLines, "texts", "补正内容过多", "too many texts")
	for _, m := range n.Papers.Missing {
		f.need(slices.ContainsFunc(p.Texts, func(t Supplied) bool { return t.Item == m.Item && text(t.Text) }), m.Item, "这一项尚未补正", "this is still missing")
	}
	for _, t := range p.Texts {
		f.need(slices.ContainsFunc(n.Papers.Missing, func(m Missing) bool { return t.Item == m.Item }), t.Item, "未要求补正这一项", "nobody asked for this")
	}
	if err := f.err(); err != nil || p.Application == nil {
		return err
	}
	if p.Application.Provider != n.Application.Provider || p.Application.Resource != n.Application.Resource || p.Application.Continues != n.Application.Continues {
		return ErrMismatch.With("resource", "资源")
	}
	return p.Application.Check(now)
}

// within reports whether an application asks for nothing that the other does not ask for. Words can't be compared:
// another scenario, scope or basis counts as more.
func (a *Application) within(b *Application) bool {
	filter := b.Filter == nil || same(a.Filter, b.Filter)
	if !filter || a.Basis != b.Basis || a.Scenario != b.Scenario || a.Scope != b.Scope || a.Quota != b.Quota || a.ValidUntil.After(b.ValidUntil) {
		return false
	}
	sub := func(f string) bool { return !hasString(b.Fields, f) }
	purpose := func(p string) bool { return !hasString(b.Purposes, p) }
	mode := func(m policy.Mode) bool { return !hasMode(b.Modes, m) }
	return !slices.ContainsFunc(a.Fields, sub) && !slices.ContainsFunc(a.Purposes, purpose) && !slices.ContainsFunc(a.Modes, mode)
}

// same compares two values as they are written.
func same(a, b any) bool {
	x, err := json.Marshal(a)
	y, berr := json.Marshal(b)
	return err == nil && berr == nil && string(x) == string(y)
}

// GiveSupplement is the applicant's officer supplying what was missing. An application corrected within what the head of
// its office consented to goes out at once; one that asks for more waits for the head (art. 20: ConsentSupplement).
func (s *Service) GiveSupplement(ctx context.Context, sess *identity.Session, id string, p Supply) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		if n.State != Supplement || n.Papers == nil {
			return ErrTransition.With(string(n.State), string(GiveSupplement))
		}
		if err := p.check(n, s.clock.Now()); err != nil {
			return err
		}
		n.Papers.Supply, n.Papers.DraftBy = &p, sess.Actor
		if p.Application != nil && !p.Application.within(&n.Application) {
			b, err := person(sess, "").saying(p)
			if err != nil {
				return err
			}
			return s.move(ctx, tx, n, DraftSupplement, b)
		}
		return s.supply(ctx, tx, n, person(sess, ""))
	})
}

// ConsentSupplement is the consent of the head of the applicant's office to a supplement that asks for more than before.
func (s *Service) ConsentSupplement(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Consumer, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		switch {
		case n.State != Supplement || n.Papers == nil || n.Papers.Supply == nil:
			return ErrTransition.With(string(n.State), string(GiveSupplement))
		case n.Papers.DraftBy == sess.Actor:
			return ErrTwoPeople.With()
		}
		if err := n.Papers.Supply.check(n, s.clock.Now()); err != nil {
			return err
		}
		return s.supply(ctx, tx, n, person(sess, ""))
	})
}

func (s *Service) supply(ctx context.Context, tx *db.Tx, n *Negotiation, b by) error {
	b, err := b.saying(n.Papers.Supply)
	if err != nil {
		return err
	}
	n.supplied(s.clock.Now())
	return s.move(ctx, tx, n, GiveSupplement, b)
}

// supplied puts the corrected application in the place of the old one.
func (n *Negotiation) supplied(now time.Time) {
	n.Papers.Given = now
	if a := n.Papers.Supply.Application; a != nil {
		n.Application, n.Grant = *a, nil
	}
}

// MaxExtension is how many working days the authority may add to the time for an answer (Decree 809 art. 21).
const MaxExtension = 10

// Extension is more time for an answer: asked for by the provider, consented to by the authority of its level.
type Extension struct {
	Days        int       `json:"days"` // working days
	Reason      string    `json:"reason"`
	Asked       time.Time `json:"asked"`
	AskedBy     string    `json:"asked_by,omitempty"`
	Consented   time.Time `json:"consented,omitzero"`
	ConsentedBy string    `json:"consented_by,omitempty"`
	Until       time.Time `json:"until,omitzero"` // the answer is due
	Declined    string    `json:"declined,omitempty"`
}

func (x *Extension) check() error {
	var f faults
	f.need(x.Days >= 1 && x.Days <= MaxExtension, "days", "延期须为一至十个工作日（809 号令第二十一条）", "an extension is 1 to 10 working days (Decree 809 art. 21)")
	f.need(text(x.Reason), "reason", "请写明延期理由", "say why more time is needed")
	return f.err()
}

// AskExtension is the provider's officer asking the authority of its level for at most 10 more working days (Decree 809
// art. 21). Nothing changes until the authority consents.
func (s *Service) AskExtension(ctx context.Context, sess *identity.Session, id string, days int, reason string) (*Negotiation, error) {
	return s.act(ctx, sess, id, Provider, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		x := &Extension{Days: days, Reason: reason, Asked: s.clock.Now(), AskedBy: sess.Actor}
		if err := x.check(); err != nil {
			return err
		}
		if _, _, err := Next(n.State, Extend, n.Done); err != nil {
			return err // it was extended before, or the time for it is over
		}
		b, err := person(sess, reason).saying(x)
		if err != nil {
			return err
		}
		n.Extension = x
		return s.move(ctx, tx, n, AskExtension, b)
	})
}

// ConsentExtension is the authority's consent: the extension holds, and the applicant is told (Decree 809 art. 21).
func (s *Service) ConsentExtension(ctx context.Context, sess *identity.Session, id string) (*Negotiation, error) {
	return s.oversee(ctx, sess, id, []identity.Role{identity.Authority}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		x, err := n.waiting(sess)
		if err != nil {
			return err
		}
		if x.Until, err = s.extended(ctx, tx, n); err != nil {
			return err
		}
		x.Consented, x.ConsentedBy = s.clock.Now(), sess.Actor
		b, err := n.overseer(sess, x.Reason).saying(Extension{Days: x.Days, Reason: x.Reason, Asked: x.Asked, Consented: x.Consented, Until: x.Until})
		if err != nil {
			return err
		}
		return s.move(ctx, tx, n, Extend, b)
	})
}

// RefuseExtension is the authority not consenting; the answer stays due when it was.
func (s *Service) RefuseExtension(ctx context.Context, sess *identity.Session, id, reason string) (*Negotiation, error) {
	if !text(reason) {
		return nil, ErrReason.With()
	}
	return s.oversee(ctx, sess, id, []identity.Role{identity.Authority}, func(ctx context.Context, tx *db.Tx, n *Negotiation) error {
		x, err := n.waiting(sess)
		if err != nil {
			return err
		}
		x.Declined = reason
		return s.move(ctx, tx, n, RefuseExtension, n.overseer(sess, reason))
	})
}

// waiting is the extension that waits for the authority, which must be somebody else than who asked.
func (n *Negotiation) waiting(sess *identity.Session) (*Extension, error) {
	x := n.Extension
	switch {
	case n.State != Reviewing || x == nil || !x.Consented.IsZero() || x.Declined != "":
		return nil, ErrTransition.With(string(n.State), string(Extend))
	case x.AskedBy == sess.Actor:
		return nil, ErrTwoPeople.With()
	}
	return x, nil
}

// extended is when the answer is due after the extension: 1 working day for unconditional sharing, 10 otherwise (art.
// 21), and the days of the extension, all counted from receipt.
func (s *Service) extended(ctx context.Context, tx *db.Tx, n *Negotiation) (time.Time, error) {
	r, err := s.catalog.GetTx(ctx, tx, db.System("extension"), n.Application.Resource)
	if err != nil {
		return time.Time{}, err
	}
	days := 10
	if r.Sharing == catalog.Unconditional {
		days = 1
	}
	due, _, err := workday.Builtin().AddWorkdays(n.Received, days+n.Extension.Days)
	return due, err
}
