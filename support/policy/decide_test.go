package policy

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var day = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

func termsOf(fields ...Field) *Terms {
	return &Terms{
		Version: TermsVersion, Agreement: "a", Resource: "r", Provider: Party{"zhejiang", "p"}, Consumer: Party{"shanghai", "c"},
		Basis: Basis{Kind: "duty", Citation: "art. 20"}, Purposes: []string{"p1", "p2"}, Modes: []Mode{ModeQuery, ModeVerify}, Fields: fields,
		ValidFrom: day, ValidUntil: day.AddDate(0, 1, 0), LeaseSeconds: DefaultLease,
	}
}

func requestOf(p Plan) *Request {
	return &Request{Principal: Party{"shanghai", "c"}, Mode: ModeQuery, Resource: "r", Purpose: "p1", Now: day, Plan: p}
}

func is(op Op, item string, vs ...Value) *Predicate {
	return &Predicate{Op: op, Item: item, Values: vs}
}

// TestDecide: each way to be refused, and the nearest that is not.
func TestDecide(t *testing.T) {
	name := Mask{Kind: MaskName}
	terms := termsOf(Field{Name: "plain"}, Field{Name: "masked", Mask: name}, Field{Name: "key", Mask: name, Key: true, Subject: true}, Field{Name: "verify", Verify: true})
	terms.Filter = is(In, "plain", Str("x"), Str("y"))
	x := Str("x")
	for what, c := range map[string]struct {
		change func(*Request)
		plan   Plan
		want   error
	}{
		"everything granted":           {},
		"another department":           {change: func(r *Request) { r.Principal.Department = "d" }, want: ErrDenied},
		"another member":               {change: func(r *Request) { r.Principal.Member = "anhui" }, want: ErrDenied},
		"another purpose":              {change: func(r *Request) { r.Purpose = "p3" }, want: ErrPurpose},
		"no purpose":                   {change: func(r *Request) { r.Purpose = "" }, want: ErrPurpose},
		"a purpose in quotes":          {change: func(r *Request) { r.Purpose = `p1"] || true || ["` }, want: ErrPurpose},
		"a mode not granted":           {change: func(r *Request) { r.Mode = ModeBatch }, want: ErrMode},
		"before it begins":             {change: func(r *Request) { r.Now = day.Add(-time.Millisecond) }, want: ErrTime},
		"its last moment":              {change: func(r *Request) { r.Now = day.AddDate(0, 1, 0).Add(-time.Millisecond) }},
		"when it ends":                 {change: func(r *Request) { r.Now = day.AddDate(0, 1, 0) }, want: ErrTime},
		"an item not granted":          {plan: Plan{Project: []string{"secret"}}, want: ErrField},
		"an item to be verified only":  {plan: Plan{Project: []string{"verify"}}, want: ErrField},
		"a masked item":                {plan: Plan{Project: []string{"masked"}}},
		"groups of a masked item":      {plan: Plan{Group: []string{"masked"}, Aggregate: []Aggregate{{Func: Count}}}, want: ErrField},
		"the greatest masked value":    {plan: Plan{Aggregate: []Aggregate{{Func: Max, Item: "masked"}}}, want: ErrField},
		"how many masked values":       {plan: Plan{Aggregate: []Aggregate{{Func: Count, Item: "masked"}}}},
		"by an item not granted":       {plan: Plan{Where: is(Eq, "secret", x)}, want: ErrField},
		"by a masked item":             {plan: Plan{Where: is(Eq, "masked", x)}, want: ErrField},
		"by a masked item, negated":    {plan: Plan{Where: &Predicate{Op: Not, Args: []*Predicate{is(Eq, "masked", x)}}}, want: ErrField},
		"by a masked key":              {plan: Plan{Where: is(Eq, "key", x)}},
		"by the beginning of a key":    {plan: Plan{Where: is(Prefix, "key", x)}, want: ErrField},
		"by a range of a key":          {plan: Plan{Where: is(Ge, "key", x)}, want: ErrField},
		"by an item to be verified":    {plan: Plan{Where: is(Eq, "verify", x)}, want: ErrField},
		"outside the granted rows":     {plan: Plan{Where: is(Eq, "plain", Str("z"))}, want: ErrOutside},
		"partly outside, by one of in": {plan: Plan{Where: is(In, "plain", Str("z"), x)}},
	} {
		t.Run(what, func(t *testing.T) {
			comp, err := Compile(terms)
			if err != nil {
				t.Fatal(err)
			}
			r := requestOf(c.plan)
			if c.change != nil {
				c.change(r)
			}
			if _, err := comp.Decide(r); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// TestConsent: without the person's consent nothing, where consent is the basis.
func TestConsent(t *testing.T) {
	terms := termsOf(Field{Name: "a"})
	terms.Basis = Basis{Kind: "consent"}
	c, err := Compile(terms)
	if err != nil {
		t.Fatal(err)
	}
	r := requestOf(Plan{})
	if _, err := c.Decide(r); !errors.Is(err, ErrConsent) {
		t.Errorf("without consent: %v", err)
	}
	r.Consent = true
	if _, err := c.Decide(r); err != nil {
		t.Errorf("with consent: %v", err)
	}
}

var names = []string{"a", "b", "c", "d"}

func drawTerms(t *rapid.T) *Terms {
	var fields []Field
	for _, n := range names[:rapid.IntRange(1, len(names)).Draw(t, "fields")] {
		f := Field{Name: n, Key: rapid.Bool().Draw(t, "key"), Subject: rapid.Bool().Draw(t, "subject"), Verify: rapid.Bool().Draw(t, "verify")}
		f.Mask.Kind = rapid.SampledFrom([]MaskKind{MaskNone, MaskName, MaskHash}).Draw(t, "mask")
		fields = append(fields, f)
	}
	x := termsOf(fields...)
	x.Quota.RowsPerCall = rapid.Int64Range(0, 3).Draw(t, "rows")
	if rapid.Bool().Draw(t, "filtered") {
		x.Filter = is(In, "a", Str("1"), Str("2"))
	}
	return x
}

func drawPredicate(t *rapid.T, depth int) *Predicate {
	op := rapid.SampledFrom([]Op{Eq, Ne, Lt, Ge, In, Prefix, And, Or, Not}).Draw(t, "op")
	switch {
	case depth == 0 && (op == And || op == Or || op == Not):
		op = Eq
	case op == Not:
		return &Predicate{Op: op, Args: []*Predicate{drawPredicate(t, depth-1)}}
	case op == And || op == Or:
		return &Predicate{Op: op, Args: []*Predicate{drawPredicate(t, depth-1), drawPredicate(t, depth-1)}}
	}
	return is(op, rapid.SampledFrom(names).Draw(t, "item"), Str(rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "value")))
}

func drawRequest(t *rapid.T) *Request {
	var p Plan
	if rapid.Bool().Draw(t, "aggregates") {
		p.Group = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID[string]).Draw(t, "group")
		p.Aggregate = []Aggregate{{Func: rapid.SampledFrom([]AggFunc{Count, Min, Max}).Draw(t, "func"), Item: rapid.SampledFrom(names).Draw(t, "of"), As: "x"}}
	} else {
		p.Project = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID[string]).Draw(t, "project")
	}
	if rapid.Bool().Draw(t, "where") {
		p.Where = drawPredicate(t, 2)
	}
	p.Limit = rapid.Int64Range(0, 5).Draw(t, "limit")
	r := requestOf(p)
	r.Mode = rapid.SampledFrom([]Mode{ModeQuery, ModeVerify, ModeFile}).Draw(t, "mode")
	r.Purpose = rapid.SampledFrom([]string{"p1", "p2", "p3"}).Draw(t, "purpose")
	r.Now = day.AddDate(0, 0, rapid.IntRange(-1, 32).Draw(t, "day"))
	return r
}

func decide(t *rapid.T, terms *Terms, r *Request) (*Decision, bool) {
	c, err := Compile(terms)
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decide(r)
	return d, err == nil
}

// TestNarrowingNeverWidens: whoever takes an item, a purpose, a mode or a day out of terms grants nothing that was
// refused before; revoking is the shortest of all validities.
func TestNarrowingNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms, r := drawTerms(t), drawRequest(t)
		narrow := *terms
		switch rapid.IntRange(0, 4).Draw(t, "narrow") {
		case 0:
			if narrow.Fields = terms.Fields[:len(terms.Fields)-1]; len(narrow.Fields) == 0 {
				t.Skip("terms grant at least one item")
			}
		case 1:
			narrow.Purposes = terms.Purposes[:1]
		case 2:
			narrow.Modes = terms.Modes[:1]
		case 3:
			narrow.ValidUntil = terms.ValidFrom.Add(time.Nanosecond)
		case 4:
			narrow.Basis = Basis{Kind: "consent"}
		}
		if len(r.Plan.Project) == 0 && len(r.Plan.Aggregate) == 0 {
			r.Plan.Project = []string{"a"} // "all that is granted" is another question under other terms
		}
		if _, ok := decide(t, &narrow, r); ok {
			if _, before := decide(t, terms, r); !before {
				t.Fatalf("granted by narrower terms alone: %+v", r)
			}
		}
	})
}

// TestOrderNeverMatters: terms are sets.
func TestOrderNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms, r := drawTerms(t), drawRequest(t)
		other := *terms
		other.Fields, other.Purposes, other.Modes = slices.Clone(terms.Fields), slices.Clone(terms.Purposes), slices.Clone(terms.Modes)
		slices.Reverse(other.Fields)
		slices.Reverse(other.Purposes)
		slices.Reverse(other.Modes)
		d, ok := decide(t, terms, r)
		e, same := decide(t, &other, r)
		if ok != same || len(d.Masks) != len(e.Masks) || len(d.Plan.Project) != len(e.Plan.Project) || !slices.Equal(d.Policies, e.Policies) {
			t.Fatalf("%v and %v", d, e)
		}
	})
}

// TestPlanStaysWithinTerms: whatever was asked, the plan that may run reads granted items alone, each masked as agreed,
// within the granted rows, and no condition, group or aggregate of it reads what a mask hides.
func TestPlanStaysWithinTerms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms, r := drawTerms(t), drawRequest(t)
		d, ok := decide(t, terms, r)
		if !ok {
			if d.Plan.Project != nil || d.Plan.Where != nil {
				t.Fatalf("a refusal with a plan: %+v", d.Plan)
			}
			return
		}
		for _, n := range d.Plan.Project {
			if f := terms.Field(n); f == nil || f.Verify || d.Masks[n] != f.Mask {
				t.Fatalf("item %s: %+v, mask %v", n, f, d.Masks[n])
			}
		}
		for _, n := range d.Plan.Group {
			if f := terms.Field(n); f == nil || f.Verify || f.Mask.Kind != MaskNone {
				t.Fatalf("group %s: %+v", n, f)
			}
		}
		for _, a := range d.Plan.Aggregate {
			if f := terms.Field(a.Item); a.Item != "" && (f == nil || f.Verify || (f.Mask.Kind != MaskNone && a.Func != Count)) {
				t.Fatalf("%s of %s: %+v", a.Func, a.Item, f)
			}
		}
		if terms.Filter != nil && !slices.Contains(conjuncts(d.Plan.Where, nil), terms.Filter) {
			t.Fatal("rows outside the terms may be read")
		}
		if most := terms.Quota.RowsPerCall; most > 0 && (d.Plan.Limit == 0 || d.Plan.Limit > most) {
			t.Fatalf("%d rows, at most %d agreed", d.Plan.Limit, most)
		}
		within(t, terms, r, r.Plan.Where)
	})
}

func within(t *rapid.T, terms *Terms, r *Request, p *Predicate) {
	if p == nil {
		return
	}
	for _, a := range p.Args {
		within(t, terms, r, a)
	}
	if p.Item == "" {
		return
	}
	f, exact := terms.Field(p.Item), p.Op == Eq || p.Op == In
	switch {
	case f == nil:
		t.Fatalf("a condition on %s, which is not granted", p.Item)
	case r.Mode == ModeQuery && (f.Verify || (f.Mask.Kind != MaskNone && !(f.Key && exact))):
		t.Fatalf("%s on %+v reads what is hidden", p.Op, *f)
	}
}
