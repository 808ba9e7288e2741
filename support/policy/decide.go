package policy

import (
	"sort"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
)

// Compiled is an agreement's terms ready to decide: one Cedar policy set, and lookups for the plan. Safe for
// concurrent use. Compile once per agreement: a set of its own keeps a decision at some microseconds.
type Compiled struct {
	Terms  *Terms
	set    *cedar.PolicySet
	fields map[string]*Field
	all    []string // granted names, in order, without verify-only ones
}

// Compile builds the policy set. Cedar decides who, what for, how and when; the Plan bounds which rows and columns.
func Compile(t *Terms) (*Compiled, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	c := &Compiled{Terms: t, fields: map[string]*Field{}, set: cedar.NewPolicySet()}
	for i := range t.Fields {
		f := &t.Fields[i]
		c.fields[f.Name] = f
		if !f.Verify {
			c.all = append(c.all, f.Name)
		}
	}
	actions := make([]types.EntityUID, len(t.Modes))
	for i, m := range t.Modes {
		actions[i] = types.NewEntityUID("Action", types.String(m))
	}
	purposes := make([]types.Value, len(t.Purposes))
	for i, p := range t.Purposes {
		purposes[i] = types.String(p)
	}
	now := ast.Context().Access("now")
	c.add("grant", ast.Permit().
		PrincipalEq(types.NewEntityUID("Department", types.String(t.Consumer.Principal()))).
		ActionInSet(actions...).
		ResourceEq(types.NewEntityUID("Resource", types.String(t.Resource))).
		When(ast.Value(types.NewSet(purposes...)).Contains(ast.Context().Access("purpose"))))
	c.add("not-before", ast.Forbid().When(now.LessThan(ast.Long(t.ValidFrom.UnixMilli()))))
	c.add("not-after", ast.Forbid().When(now.GreaterThanOrEqual(ast.Long(t.ValidUntil.UnixMilli()))))
	if t.Basis.Kind == "consent" {
		c.add("consent", ast.Forbid().Unless(ast.Context().Access("consent")))
	}
	return c, nil
}

func (c *Compiled) add(id cedar.PolicyID, p *ast.Policy) {
	c.set.Add(id, cedar.NewPolicyFromAST(p))
}

// Request is what is decided upon.
type Request struct {
	Principal Party
	Mode      Mode
	Resource  string
	Purpose   string
	Consent   bool // the person's own consent was verified
	Now       time.Time
	Plan      Plan
}

// Decision is the outcome: the plan that may run, and which policies decided.
type Decision struct {
	Plan     Plan
	Masks    map[string]Mask
	Policies []string // Cedar policy ids that decided, sorted
	Subjects []string // exact values asked for of items that identify persons
}

// Decide allows or denies. An error is a refusal: ErrDenied, ErrPurpose, ErrField, ErrOutside, ErrConsent, ErrTime.
// The decision's plan reads nothing the terms do not grant, whatever the request asked.
func (c *Compiled) Decide(r *Request) (*Decision, error) {
	d := &Decision{}
	if err := c.cedar(r, d); err != nil {
		return d, err
	}
	if err := r.Plan.Check(); err != nil {
		return d, err
	}
	return d, c.bound(r, d)
}

func (c *Compiled) cedar(r *Request, d *Decision) error {
	ctx := types.NewRecord(types.RecordMap{
		"purpose": types.String(r.Purpose), "now": types.Long(r.Now.UnixMilli()), "consent": types.Boolean(r.Consent),
	})
	ok, diag := cedar.Authorize(c.set, nil, cedar.Request{
		Principal: types.NewEntityUID("Department", types.String(r.Principal.Principal())),
		Action:    types.NewEntityUID("Action", types.String(string(r.Mode))),
		Resource:  types.NewEntityUID("Resource", types.String(r.Resource)),
		Context:   ctx,
	})
	for _, reason := range diag.Reasons {
		d.Policies = append(d.Policies, string(reason.PolicyID))
	}
	sort.Strings(d.Policies)
	if ok == cedar.Allow {
		return nil
	}
	for _, p := range d.Policies {
		switch p {
		case "not-before", "not-after":
			return ErrTime.With()
		case "consent":
			return ErrConsent.With()
		}
	}
	if len(d.Policies) == 0 {
		d.Policies = []string{"default-deny"}
	}
	switch {
	case r.Principal != c.Terms.Consumer:
		return ErrDenied.With()
	case !contains(c.Terms.Purposes, r.Purpose):
		return ErrPurpose.With(r.Purpose)
	}
	return ErrMode.With(string(r.Mode))
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// bound intersects the request's plan with the terms.
func (c *Compiled) bound(r *Request, d *Decision) error {
	p := r.Plan
	aggregated := len(p.Aggregate) > 0
	if len(p.Project) == 0 && !aggregated {
		p.Project = c.all
	}
	d.Masks = map[string]Mask{}
	for _, name := range p.Project {
		f := c.fields[name]
		if f == nil || f.Verify {
			return ErrField.With(name)
		}
		if f.Mask.Kind != MaskNone {
			d.Masks[name] = f.Mask
		}
	}
	for _, name := range p.Group {
		if f := c.fields[name]; f == nil || f.Verify || f.Mask.Kind != MaskNone {
			return ErrField.With(name)
		}
	}
	for _, a := range p.Aggregate {
		if a.Item == "" {
			continue
		}
		if f := c.fields[a.Item]; f == nil || f.Verify || (f.Mask.Kind != MaskNone && a.Func != Count) {
			return ErrField.With(a.Item)
		}
	}
	if err := c.predicate(p.Where, r.Mode, d); err != nil {
		return err
	}
	if p.Where != nil && c.Terms.Filter != nil && disjoint(p.Where, c.Terms.Filter) {
		return ErrOutside.With()
	}
	p.Where = Both(c.Terms.Filter, p.Where)
	if limit := c.Terms.Quota.RowsPerCall; limit > 0 && (p.Limit == 0 || p.Limit > limit) {
		p.Limit = limit
	}
	d.Plan = p
	return nil
}

// predicate checks that the request filters only by what it may know: plain items in any way, masked ones only by
// exact values if they are keys. Otherwise a filter would read what the mask hides.
func (c *Compiled) predicate(p *Predicate, mode Mode, d *Decision) error {
	if p == nil {
		return nil
	}
	for _, a := range p.Args {
		if err := c.predicate(a, mode, d); err != nil {
			return err
		}
	}
	if p.Item == "" {
		return nil
	}
	f := c.fields[p.Item]
	exact := p.Op == Eq || p.Op == In
	switch {
	case f == nil:
		return ErrField.With(p.Item)
	case f.Verify && (mode != ModeVerify || !exact):
		return ErrField.With(p.Item)
	case f.Mask.Kind != MaskNone && (!f.Key || !exact) && mode != ModeVerify:
		return ErrField.With(p.Item)
	}
	if f.Subject && exact {
		for _, v := range p.Values {
			d.Subjects = append(d.Subjects, v.Text())
		}
	}
	return nil
}

// disjoint reports whether no row can satisfy both predicates, looking at the comparisons that must hold in each.
// It may miss cases (then the rows are simply absent); it never claims a satisfiable pair is disjoint.
func disjoint(a, b *Predicate) bool {
	var must []*Predicate
	must = conjuncts(a, must)
	must = conjuncts(b, must)
	byItem := map[string][]*Predicate{}
	for _, p := range must {
		if p.Item != "" {
			byItem[p.Item] = append(byItem[p.Item], p)
		}
	}
	for _, ps := range byItem {
		for i := range ps {
			for j := i + 1; j < len(ps); j++ {
				if clash(ps[i], ps[j]) || clash(ps[j], ps[i]) {
					return true
				}
			}
		}
	}
	return false
}

func conjuncts(p *Predicate, into []*Predicate) []*Predicate {
	if p == nil {
		return into
	}
	if p.Op == And {
		for _, a := range p.Args {
			into = conjuncts(a, into)
		}
		return into
	}
	return append(into, p)
}

// clash: every exact value of p fails q.
func clash(p, q *Predicate) bool {
	if p.Op != Eq && p.Op != In {
		return p.Op == Prefix && q.Op == Prefix && !strings.HasPrefix(p.Values[0].S, q.Values[0].S) && !strings.HasPrefix(q.Values[0].S, p.Values[0].S)
	}
	for _, v := range p.Values {
		if maybe(v, q) {
			return false
		}
	}
	return true
}

// maybe reports whether an item equal to v can satisfy q.
func maybe(v Value, q *Predicate) bool {
	switch q.Op {
	case Eq, In:
		for _, w := range q.Values {
			if v.Kind != w.Kind || v == w {
				return true
			}
		}
		return false
	case Ne:
		return v.Kind != q.Values[0].Kind || v != q.Values[0]
	case Prefix:
		return v.Kind != String || strings.HasPrefix(v.S, q.Values[0].S)
	case Lt, Le, Gt, Ge:
		return maybeOrder(v, q)
	case IsNull:
		return false
	case And, Or, Not:
		return true
	}
	return true
}

func maybeOrder(v Value, q *Predicate) bool {
	w := q.Values[0]
	if v.Kind != Int || w.Kind != Int {
		return true // text orders by the database's rules, floats by rounding: leave it to the rows
	}
	switch q.Op { //nolint:exhaustive // the four comparisons
	case Lt:
		return v.I < w.I
	case Le:
		return v.I <= w.I
	case Gt:
		return v.I > w.I
	}
	return v.I >= w.I
}
