package deadline

import (
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/workday"
)

// Op is what an act does to a clock.
type Op string

// The operations.
const (
	Start  Op = "start"
	Stop   Op = "stop"   // what was owed is done
	Void   Op = "void"   // what was owed is owed no longer
	Extend Op = "extend" //
	Pause  Op = "pause"  // the other party must act; time stands still only if the profile says so
	Resume Op = "resume" // the turn is back
)

// Action is one line of a package's table "which act does what to which clock".
type Action struct {
	Do    Op
	Clock ID
	Wait  Wait // with Pause
}

// Party is a department of a member.
type Party struct {
	Member     string `json:"member,omitempty"`
	Department string `json:"department,omitempty"` // USCC
}

// Case is what an act knows about the matter it belongs to.
type Case struct {
	Subject    string    // "negotiation/ID"; at most 200 bytes
	Department string    // whose record it is at this node
	End        Role      // which party this node's record stands for; empty: all. Clocks of retention run at their keeper alone
	Parties    Parties   //
	Division   string    // region of whoever must act (GB/T 2260): Service.Apply finds its profile
	Profile    *Profile  // set: used instead; nil in Engine: the law alone
	At         time.Time // when the act happened; for a receipt, the time acknowledged
	Days       int       // working days of an extension, or of a clock the law gives no figure
	Consent    string    // reference of the consent an extension needs
}

// Parties are the departments concerned.
type Parties struct {
	Provider  Party `json:"provider,omitzero"`
	Applicant Party `json:"applicant,omitzero"`
	Authority Party `json:"authority,omitzero"`
}

// Of is the party in a role.
func (p *Parties) Of(r Role) Party {
	switch r {
	case Provider:
		return p.Provider
	case Applicant:
		return p.Applicant
	case Authority:
		return p.Authority
	}
	return Party{}
}

// Outcome is how a clock ended.
type Outcome string

// The outcomes.
const (
	Running Outcome = ""        //
	Met     Outcome = "met"     // in time
	Overdue Outcome = "overdue" // late
	Voided  Outcome = "voided"  // owed no longer, and not late by then
)

// Halt is a time the clock waited for the other party.
type Halt struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to,omitzero"` // zero: still
	Wait  Wait      `json:"wait"`
	Still bool      `json:"still,omitempty"` // time stood still
}

// Deadline is one clock of one subject. It is a value: the engine returns changed copies.
type Deadline struct {
	ID          string    `json:"id"`
	Clock       ID        `json:"clock"`
	Subject     string    `json:"subject"`
	Department  string    `json:"department"` // whose record it is
	Actor       Role      `json:"actor"`      // who must act
	Responsible Role      `json:"holder"`     // whose turn it is
	Parties     Parties   `json:"parties"`
	Profile     string    `json:"profile"` // name of the profile used; "809": the law alone
	Started     time.Time `json:"started"`
	Days        int       `json:"days,omitempty"`  // working days without the extension
	Years       int       `json:"years,omitempty"` //
	Most        int       `json:"most,omitempty"`  // longest extension
	Extended    int       `json:"extended,omitempty"`
	Consent     string    `json:"consent,omitempty"` // to the extension
	Halts       []Halt    `json:"halts,omitempty"`
	Due         time.Time `json:"due"`     // exclusive: the midnight after the last working day
	Certain     bool      `json:"certain"` // false: counted beyond the last notice of holidays
	// Watch: the clock stands at the applicant's end, where news of the provider's acts arrive after they happened. It tells
	// the applicant when it runs out and judges nobody; what arrives with an earlier time is still in time.
	Watch   bool      `json:"watch,omitempty"`
	Told    time.Time `json:"told"`              // moments up to here have been announced
	Late    time.Time `json:"late,omitzero"`     // when it ran out
	Stopped time.Time `json:"stopped,omitzero"`  // when it ended
	Outcome Outcome   `json:"outcome,omitempty"` //
}

// Open reports whether the clock has not ended. One that ran out stays open until what is owed is done.
func (c *Deadline) Open() bool { return c.Stopped.IsZero() }

// Waiting is the halt that goes on, nil if there is none.
func (c *Deadline) Waiting() *Halt {
	if n := len(c.Halts); n > 0 && c.Halts[n-1].To.IsZero() {
		return &c.Halts[n-1]
	}
	return nil
}

// Suspended reports whether time stands still: then Due is where it would be without the halt that goes on.
func (c *Deadline) Suspended() bool { h := c.Waiting(); return h != nil && h.Still }

// DueDay is the last day on which the clock is kept, as a date in China.
func (c *Deadline) DueDay() string { return china(c.Due.Add(-time.Second)).Format(time.DateOnly) }

func china(t time.Time) time.Time { return t.In(clock.China()) }

func (c Deadline) clone() Deadline {
	c.Halts = slices.Clone(c.Halts)
	return c
}

// Kind is what a notice says.
type Kind string

// The kinds of notices.
const (
	Half     Kind = "half"     // half of the working days have passed
	Eve      Kind = "eve"      // tomorrow is the last working day
	Today    Kind = "today"    // today is the last working day
	RanOut   Kind = "overdue"  // also to the authority
	Extended Kind = "extended" // art. 21: the applicant is told
	KeptTo   Kind = "kept"     // a period of retention has passed
	Reminded Kind = "reminded" // art. 38: the authority says to act
)

// Notice is what somebody should hear.
type Notice struct {
	Kind  Kind      `json:"kind"`
	At    time.Time `json:"at"`
	To    Role      `json:"to"`
	Party Party     `json:"party,omitzero"`
	Clock Deadline  `json:"clock"`
	Text  string    `json:"text,omitempty"` // of a reminder
}

// Violation is a breach of Decree 809 arts. 39–41.
type Violation struct {
	ID         string    `json:"id"`
	Code       Code      `json:"code"`
	Subject    string    `json:"subject"`
	Department string    `json:"department"` // whose record it is
	By         Role      `json:"by"`
	Offender   Party     `json:"offender,omitzero"`
	At         time.Time `json:"at"` // when it happened
	Note       string    `json:"note,omitempty"`
	Fact       string    `json:"fact,omitempty"`  // ID of the fact in evidence
	Clock      *Deadline `json:"clock,omitempty"` // the clock that ran out, as evidence; nil: raised by an act
	// Provisional: the working days counted reach beyond the last notice of holidays known then.
	Provisional bool `json:"provisional,omitempty"`
}

// Result is what an act or the passing of time did.
type Result struct {
	Changed    []Deadline // started or changed
	Notices    []Notice
	Violations []Violation // without ID and Fact
}

func (r *Result) add(o Result) {
	r.Changed = append(r.Changed, o.Changed...)
	r.Notices = append(r.Notices, o.Notices...)
	r.Violations = append(r.Violations, o.Violations...)
}

// Engine is the pure half: clocks in, clocks out.
type Engine struct{ Calendar *workday.Calendar }

// Apply does the actions of one act to the clocks of its subject. Clocks that an action would stop, pause or resume and
// that do not run are passed over, and at the applicant's end one to extend as well: acts may come in more than one order,
// from a node that knows clocks or does not. Nothing is changed if it returns an error.
func (e Engine) Apply(clocks []Deadline, c Case, actions ...Action) (Result, error) {
	now := make([]Deadline, len(clocks))
	for i := range clocks {
		now[i] = clocks[i].clone()
	}
	var out Result
	touched := map[int]bool{}
	for _, a := range actions {
		i := slices.IndexFunc(now, func(x Deadline) bool { return x.Clock == a.Clock && x.Subject == c.Subject && x.Open() })
		if a.Do == Start {
			if i >= 0 {
				continue // the same receipt again
			}
			k, ok, err := e.start(c, a.Clock)
			if err != nil {
				return Result{}, err
			}
			if ok {
				touched[len(now)] = true
				now = append(now, k)
			}
			continue
		}
		if i < 0 {
			if a.Do == Extend && c.End != Applicant {
				return Result{}, ErrNoRunning.With(string(a.Clock))
			}
			continue
		}
		r, err := e.change(&now[i], c, a)
		if err != nil {
			return Result{}, err
		}
		touched[i] = true
		out.add(r)
	}
	for i := range now {
		if touched[i] {
			out.Changed = append(out.Changed, now[i])
		}
	}
	return out, nil
}

// start makes a clock; ok is false for one that does not run in this case.
func (e Engine) start(c Case, id ID) (k Deadline, ok bool, err error) {
	r, err := c.Profile.Rule(id)
	if err != nil {
		return k, false, err
	}
	if len(r.Extends) > 0 {
		return k, false, ErrClock.With(string(id))
	}
	if c.Subject == "" || len(c.Subject) > maxSubject || c.Department == "" || c.At.IsZero() {
		return k, false, ErrSubject.With()
	}
	if r.Retention() && c.End != "" && c.End != r.Actor {
		return k, false, nil
	}
	days := r.Days
	if law, _ := RuleOf(id); !law.Fixed() && c.Days != 0 {
		most := maxFreeDays
		if r.Days > 0 {
			most = r.Days // an order may be stricter than the region, not looser
		}
		days = c.Days
		if c.End == Applicant { // it was ordered elsewhere: nothing is left to refuse
			days = min(max(days, 1), maxFreeDays)
		}
		if c.End != Applicant && (days < 1 || days > most) {
			return k, false, ErrFigure.With(string(id), most, days)
		}
	}
	if days == 0 && r.Years == 0 {
		return k, false, nil // neither law, region nor act names a period
	}
	k = Deadline{
		Clock: id, Subject: c.Subject, Department: c.Department, Actor: r.Actor, Responsible: r.Actor, Parties: c.Parties, Profile: c.Profile.Title(),
		Watch: c.End == Applicant, Started: c.At, Days: days, Years: r.Years, Most: r.Extension, Told: c.At,
	}
	return k, true, e.date(&k)
}

// change does one action to a running clock.
func (e Engine) change(k *Deadline, c Case, a Action) (Result, error) {
	var out Result
	switch a.Do {
	case Stop, Void:
		if h := k.Waiting(); h != nil {
			h.To = c.At
			if err := e.date(k); err != nil {
				return out, err
			}
		}
		out.add(e.expire(k, c.At))
		if k.Watch && c.At.Before(k.Due) {
			k.Late = time.Time{}
		}
		k.Stopped = c.At
		switch {
		case !k.Late.IsZero():
			k.Outcome = Overdue
		case a.Do == Void:
			k.Outcome = Voided
		default:
			k.Outcome = Met
		}
	case Extend:
		if err := e.extend(k, c); err != nil {
			return out, err
		}
		if r, _ := RuleOf(k.Clock); r.Tell != "" {
			out.Notices = append(out.Notices, Notice{Kind: Extended, At: c.At, To: r.Tell, Party: k.Parties.Of(r.Tell), Clock: k.clone()})
		}
	case Pause:
		if k.Waiting() != nil {
			return out, nil
		}
		out.add(e.expire(k, c.At))
		k.Halts = append(k.Halts, Halt{From: c.At, Wait: a.Wait, Still: k.Late.IsZero() && c.Profile.Stops(a.Wait)})
		k.Responsible = Applicant
	case Resume:
		if h := k.Waiting(); h != nil {
			h.To = c.At
		}
		k.Responsible = k.Actor
		if err := e.date(k); err != nil {
			return out, err
		}
		out.add(e.expire(k, c.At))
	case Start:
	}
	return out, nil
}

// extend lengthens a clock once, with consent, before it runs out (Decree 809 arts. 17 and 21).
func (e Engine) extend(k *Deadline, c Case) error {
	r, err := RuleOf(k.Clock)
	switch {
	case err != nil:
		return err
	case k.Extended > 0:
		return ErrExtended.With(string(k.Clock))
	case c.Days < 1 || c.Days > k.Most:
		return ErrExtension.With(string(k.Clock), k.Most, c.Days)
	case r.Consent != "" && c.Consent == "":
		return ErrConsent.With(string(k.Clock))
	case !k.Watch && (!k.Late.IsZero() || (!k.Suspended() && !c.At.Before(k.Due))):
		return ErrLate.With(string(k.Clock))
	}
	k.Late = time.Time{} // of one that watches: the news came after the end, and the provider's node has judged
	k.Extended, k.Consent = c.Days, c.Consent
	return e.date(k)
}

// date computes when a clock is due. What has run out stays as it was judged.
func (e Engine) date(k *Deadline) error {
	if !k.Late.IsZero() {
		return nil
	}
	if k.Years > 0 {
		k.Due, k.Certain = workday.EndOfDay(china(k.Started).AddDate(k.Years, 0, 0)), true
		return nil
	}
	n, sure := k.Days+k.Extended, true
	for _, h := range k.Halts {
		if h.Still && !h.To.IsZero() {
			days, certain := e.Calendar.Between(h.From, h.To)
			n, sure = n+max(days, 0), sure && certain
		}
	}
	last, certain, err := e.Calendar.AddWorkdays(china(k.Started), n)
	if err != nil {
		return err
	}
	k.Due, k.Certain = workday.EndOfDay(last), sure && certain
	return nil
}

// DaysUntil is the Case.Days of a period that an act names by its last date: one that ends on a day off ends with the next
// working day (Civil Code art. 203), and none is shorter than a day.
func (e Engine) DaysUntil(from, by time.Time) int {
	n, _ := e.Calendar.Between(from, by)
	if w, _ := e.Calendar.IsWorkday(by); !w {
		n++
	}
	return max(n, 1)
}

// Redate counts an open clock anew, after a new notice of holidays; changed reports whether anything is different.
func (e Engine) Redate(k Deadline) (_ Deadline, changed bool, err error) {
	k = k.clone()
	due, certain := k.Due, k.Certain
	if !k.Open() || !k.Late.IsZero() {
		return k, false, nil
	}
	err = e.date(&k)
	return k, !k.Due.Equal(due) || k.Certain != certain, err
}

// remindAt is the time of day of reminders before the end of a day: nine in the morning.
const remindAt = 15 * time.Hour

// Moment is an instant at which a clock has something to say.
type Moment struct {
	Kind Kind
	At   time.Time
}

// Moments are all instants of a clock in order: half time from four working days on, the eve from two, the last day, the
// end; the end alone for one that only watches. None while time stands still or after the end.
func (e Engine) Moments(k *Deadline) []Moment {
	if !k.Open() || !k.Late.IsZero() || k.Suspended() {
		return nil
	}
	if k.Years > 0 {
		return []Moment{{KeptTo, k.Due}}
	}
	if k.Watch {
		return []Moment{{RanOut, k.Due}}
	}
	last := k.Due.Add(-time.Second)
	nine := func(day time.Time) time.Time { return workday.EndOfDay(day).Add(-remindAt) }
	var out []Moment
	n, _ := e.Calendar.Between(k.Started, last)
	if n >= 4 {
		if d, _, err := e.Calendar.AddWorkdays(k.Started, n/2); err == nil {
			out = append(out, Moment{Half, nine(d)})
		}
	}
	if n >= 2 {
		if d, _, err := e.Calendar.AddWorkdays(last, -1); err == nil {
			out = append(out, Moment{Eve, nine(d)})
		}
	}
	return append(out, Moment{Today, nine(last)}, Moment{RanOut, k.Due})
}

// pending reports whether a moment has not been announced. The end always is: a new notice of holidays may have moved it
// to before what was announced already.
func pending(k *Deadline, m Moment) bool {
	return m.At.After(k.Told) || m.Kind == RanOut || m.Kind == KeptTo
}

// Next is the next instant at which Tick has something to do; ok is false if there is none.
func (e Engine) Next(k *Deadline) (m Moment, ok bool) {
	for _, m := range e.Moments(k) {
		if pending(k, m) {
			return m, true
		}
	}
	return m, false
}

// Tick lets time pass up to now. Of reminders that were missed meanwhile only the last is sent.
func (e Engine) Tick(k Deadline, now time.Time) Result {
	k = k.clone()
	var m Moment
	for _, x := range e.Moments(&k) {
		if pending(&k, x) && !x.At.After(now) {
			m = x
		}
	}
	var out Result
	switch m.Kind {
	case "":
		return out
	case RanOut:
		out.add(e.expire(&k, now))
	case KeptTo:
		k.Stopped, k.Outcome = m.At, Met
		out.Notices = append(out.Notices, Notice{Kind: KeptTo, At: m.At, To: k.Actor, Party: k.Parties.Of(k.Actor), Clock: k})
	case Half, Eve, Today, Extended:
		out.Notices = append(out.Notices, Notice{Kind: m.Kind, At: m.At, To: k.Actor, Party: k.Parties.Of(k.Actor), Clock: k})
		if k.Responsible != k.Actor {
			out.Notices = append(out.Notices, Notice{Kind: m.Kind, At: m.At, To: k.Responsible, Party: k.Parties.Of(k.Responsible), Clock: k})
		}
	case Reminded: // an act of the authority, never a moment
	}
	k.Told = m.At
	out.Changed = append(out.Changed, k)
	return out
}

// expire marks a clock that has run out by now: a violation, a notice to whoever must act, and one to the authority. Where
// it only watches, a notice to the applicant.
func (e Engine) expire(k *Deadline, now time.Time) Result {
	var out Result
	if !k.Late.IsZero() || k.Suspended() || k.Years > 0 || now.Before(k.Due) {
		return out
	}
	k.Late, k.Told = k.Due, k.Due
	if k.Watch {
		out.Notices = append(out.Notices, Notice{Kind: RanOut, At: k.Due, To: Applicant, Party: k.Parties.Applicant, Clock: k.clone()})
		return out
	}
	for _, to := range []Role{k.Actor, Authority} {
		if to == Authority && k.Actor == Authority && len(out.Notices) > 0 {
			break
		}
		out.Notices = append(out.Notices, Notice{Kind: RanOut, At: k.Due, To: to, Party: k.Parties.Of(to), Clock: k.clone()})
	}
	if r, err := RuleOf(k.Clock); err == nil && r.Code != "" {
		proof := k.clone()
		v := Violation{
			Code: r.Code, Subject: k.Subject, Department: k.Department, By: k.Actor, Offender: k.Parties.Of(k.Actor), At: k.Due, Clock: &proof, Provisional: !k.Certain,
		}
		if h := k.Waiting(); h != nil {
			v.Note = "waiting: " + string(h.Wait) // the law does not say whether this is a good reason; people judge
		}
		out.Violations = append(out.Violations, v)
	}
	return out
}
