package screen

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

const (
	lines     = 6   // of a list on the board: more would be cut off
	lateLimit = 500 // overdue matters that are counted
	day       = 24 * time.Hour
)

// board is what the wall shows.
type board struct {
	now        time.Time
	name       string
	kiosk      bool
	today, ok  int64
	before     int64 // the whole day before
	p50, p95   time.Duration
	hours      ui.Chart
	nodes      []node
	ways       []way
	urgent     []urgent
	late, more int64 // overdue matters; more: there are at least that many
	lateBy     []share
	top        []share
	last       []line
	approval   string // of the map; "": a schematic
}

// node is a member on the schematic, in its units.
type node struct {
	name   string
	x, y   float64
	self   bool
	silent bool
}

// labelled is where its name stands: on the outer side, away from the ways.
func (n node) labelled() float64 {
	if n.y < high/2-1 {
		return n.y - 48
	}
	return n.y + 66
}

// way is what went between this node and another in one direction; data flow along it.
type way struct {
	id    string
	path  string
	calls int64
	width float64
	bad   bool // some failed
	label string
}

// share is a part of a whole with its bar.
type share struct {
	name, value, href string
	percent           int
}

// urgent is what somebody must do now, with who.
type urgent struct{ text, who, href string }

// line is one exchange.
type line struct {
	at         time.Time
	what, with string
	ok         bool
	href       string
}

func (s *Screen) board(q staff.Visit) (*board, error) {
	ctx, sc, v, now := q.Context(), q.Sess.Scope(), q.V, s.Clock.Now()
	midnight := midnightOf(now.In(v.Zone))
	nm := s.Names(q)
	b := &board{now: now, name: v.Pick(s.Name, s.NameEN)}
	since := int(now.Sub(midnight)/time.Hour) + 1
	today, err := s.Exchanges.Watch(ctx, sc, "", "", since)
	if err != nil {
		return nil, err
	}
	b.today, b.ok, b.p50, b.p95 = today.Calls, today.OK, today.P50, today.P95
	both, err := s.Exchanges.Watch(ctx, sc, "", "", since+24)
	if err != nil {
		return nil, err
	}
	b.before = both.Calls - today.Calls
	b.hours = ui.Chart{ID: "hours", Title: v.Pick("每小时交换次数", "Exchanges by the hour")}
	for _, h := range both.Hours[max(0, len(both.Hours)-24):] {
		b.hours.Points = append(b.hours.Points, ui.Point{Name: h.Start.In(v.Zone).Format("15"), Value: h.Calls})
	}
	flows, err := s.Exchanges.Flows(ctx, sc, midnight)
	if err != nil {
		return nil, err
	}
	contacts := s.Contacts.Contacts()
	s.schematic(v, b, flows, contacts)
	if err := s.matters(q, nm, b, contacts); err != nil {
		return nil, err
	}
	return b, s.lists(q, nm, b, midnight)
}

func midnightOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// The schematic's units.
const (
	wide, high   = 1000.0, 640.0
	reachX       = 360.0
	reachY       = 235.0
	bend         = 0.16 // how far a way keeps off the straight line, as a part of its length
	rim          = 46.0 // ways end this far from a member's middle
	widestStroke = 9.0
)

// schematic sets the members on a ring, this node first, and draws what went between it and the others.
func (s *Screen) schematic(v *ui.View, b *board, flows []gateway.Flow, contacts map[string]peer.Contact) {
	members := slices.Clone(s.MemberRegistry.Current().Members)
	at := map[string]node{}
	for i, m := range members {
		a := 2*math.Pi*float64(i)/float64(len(members)) - math.Pi/2
		n := node{name: v.Pick(m.Name, m.NameEN), x: wide/2 + reachX*math.Cos(a), y: high/2 + reachY*math.Sin(a), self: m.ID == s.Self}
		if s.Map != nil {
			b.approval = s.Map.ApprovalNo
			if p, ok := s.Map.Places[m.ID]; ok {
				n.x, n.y = p[0]*wide/100, p[1]*high/100
			}
		}
		c, tried := contacts[m.ID]
		n.silent = tried && !n.self && !c.Reached()
		at[m.ID] = n
		b.nodes = append(b.nodes, n)
	}
	most := int64(1)
	for _, f := range flows {
		most = max(most, f.Calls)
	}
	for i, m := range members {
		if m.ID == s.Self {
			continue
		}
		for _, side := range []gateway.Side{gateway.Using, gateway.Providing} {
			w := way{id: wayID(side, i)}
			from, to := at[m.ID], at[s.Self] // what we ask for comes from there
			if side == gateway.Providing {
				from, to = to, from
			}
			w.path = arc(from, to)
			for _, f := range flows {
				if f.Member == m.ID && f.Side == side {
					w.calls, w.bad = f.Calls, f.OK < f.Calls
				}
			}
			w.width = 1.5 + (widestStroke-1.5)*math.Sqrt(float64(w.calls)/float64(most))
			w.label = from.name + " → " + to.name + v.Pick("：", ": ") + v.Number(w.calls)
			b.ways = append(b.ways, w)
		}
	}
}

func wayID(side gateway.Side, i int) string { return string(side) + "-" + strconv.Itoa(i) }

// arc is a bent line from one member's rim to another's.
func arc(from, to node) string {
	dx, dy := to.x-from.x, to.y-from.y
	d := math.Hypot(dx, dy)
	if d == 0 {
		return ""
	}
	ux, uy := dx/d, dy/d
	cx, cy := (from.x+to.x)/2-uy*d*bend, (from.y+to.y)/2+ux*d*bend
	return fmt.Sprintf("M%.0f %.0f Q%.0f %.0f %.0f %.0f", from.x+ux*rim, from.y+uy*rim, cx, cy, to.x-ux*rim, to.y-uy*rim)
}

// matters are what is overdue, by whom, and who can't be reached.
func (s *Screen) matters(q staff.Visit, nm *staff.Names, b *board, contacts map[string]peer.Contact) error {
	v := q.V
	for _, m := range s.MemberRegistry.Current().Members {
		if c, tried := contacts[m.ID]; tried && m.ID != s.Self && !c.Reached() {
			minutes := v.Number(int64(b.now.Sub(c.Failed) / time.Minute))
			b.urgent = append(b.urgent, urgent{
				text: v.Pick(m.Name+"节点失联 "+minutes+" 分钟", m.NameEN+" out of reach for "+minutes+" minutes"),
				who:  v.Pick("双方运维", "both operators"), href: staff.PathMembers,
			})
		}
	}
	late, err := s.Clocks.Running(q.Context(), q.Sess.Scope(), deadline.OpenQuery{Late: true, Limit: lateLimit})
	if err != nil {
		return err
	}
	by := map[string]int64{}
	for i := range late.Items {
		k := &late.Items[i]
		p := k.Parties.Of(k.Responsible)
		by[p.Member]++
		b.late++
		if rule, err := deadline.RuleOf(k.Clock); err == nil && len(b.urgent) < lines {
			days := int64(b.now.Sub(k.Due)/day) + 1
			b.urgent = append(b.urgent, urgent{
				text: v.Pick(rule.Zh+"超期 "+v.Number(days)+" 天", rule.En+": "+v.Number(days)+" days late"), who: nm.Member(p.Member), href: staff.PathOversight,
			})
		}
	}
	if late.Next != "" {
		b.more = b.late
	}
	for member, n := range by {
		b.lateBy = append(b.lateBy, share{name: nm.Member(member), value: v.Number(n), percent: int(100 * n / max(b.late, 1)), href: staff.PathOversight})
	}
	slices.SortFunc(b.lateBy, func(x, y share) int { return y.percent - x.percent })
	b.lateBy = b.lateBy[:min(len(b.lateBy), lines)]
	return nil
}

// lists are the data used most this month, and the last exchanges.
func (s *Screen) lists(q staff.Visit, nm *staff.Names, b *board, midnight time.Time) error {
	ctx, sc, v := q.Context(), q.Sess.Scope(), q.V
	title := func(id string) string {
		if n, err := s.Cases.Get(ctx, sc, id); err == nil {
			return nm.Title(n)
		}
		return v.Pick("不属于任何协议的请求", "A request under no agreement")
	}
	used, err := s.Exchanges.Used(ctx, sc, "", midnight, lines)
	if err != nil {
		return err
	}
	slices.SortStableFunc(used, func(x, y evidence.Use) int { return int(y.Calls - x.Calls) })
	most := int64(1)
	if len(used) > 0 {
		most = max(used[0].Calls, 1)
	}
	for i := range used {
		u := &used[i]
		b.top = append(b.top, share{name: title(u.Agreement), value: v.Number(u.Calls), percent: int(100 * u.Calls / most), href: staff.PathExchanges + "?agreement=" + u.Agreement})
	}
	last, err := s.Exchanges.Exchanges(ctx, sc, gateway.ExchangeQuery{Limit: lines})
	if err != nil {
		return err
	}
	for i := range last.Items {
		e := &last.Items[i]
		with := nm.Member(e.Member)
		switch {
		case e.Member == "":
			with = v.Pick("本节点未放行", "not let out here")
		case gateway.SideOf(e) == gateway.Using:
			with = v.Pick("向"+with+"查询", "asked "+with)
		default:
			with = v.Pick("向"+with+"提供", "gave "+with)
		}
		b.last = append(b.last, line{at: e.At(), what: title(e.Agreement), with: with, ok: e.Outcome == "ok", href: staff.PathExchanges + "/" + gateway.ExchangeID(e)})
	}
	return nil
}

// rate is the part of today's exchanges that ended well.
func (b *board) rate() string {
	if b.today == 0 {
		return "—"
	}
	return strconv.FormatFloat(math.Floor(float64(b.ok)/float64(b.today)*10000)/100, 'f', 2, 64) + " %"
}

// pace is a duration for a wall.
func pace(v *ui.View, d time.Duration) string {
	switch {
	case d == 0:
		return "—"
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + v.Pick(" 毫秒", " ms")
	case d < 10*time.Second:
		return v.Number(d.Milliseconds()) + v.Pick(" 毫秒", " ms")
	}
	return v.Number(int64(d/time.Second)) + v.Pick(" 秒", " s")
}

func weekday(v *ui.View, t time.Time) string {
	d := t.In(v.Zone).Weekday()
	return v.Pick("星期"+[]string{"日", "一", "二", "三", "四", "五", "六"}[d], d.String())
}

// bars are the columns of a chart of 24 hours, in units of 240 × 80.
func bars(c ui.Chart) [][4]string {
	most := int64(1)
	for _, p := range c.Points {
		most = max(most, p.Value)
	}
	step := 240.0 / float64(max(len(c.Points), 1))
	out := make([][4]string, len(c.Points))
	for i, p := range c.Points {
		h := 76 * float64(p.Value) / float64(most)
		if p.Value > 0 {
			h = max(h, 1.5)
		}
		out[i] = [4]string{fmt.Sprintf("%.1f", float64(i)*step+1), fmt.Sprintf("%.1f", 80-h), fmt.Sprintf("%.1f", step-2), fmt.Sprintf("%.1f", h)}
	}
	return out
}

func unit(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

func markName(ok bool) string {
	if ok {
		return "check"
	}
	return "alert-triangle"
}

func hoursText(v *ui.View, b *board) string {
	var total, peak int64
	at := ""
	for _, p := range b.hours.Points {
		total += p.Value
		if p.Value > peak {
			peak, at = p.Value, p.Name
		}
	}
	if total == 0 {
		return v.Pick("近 24 小时没有交换。", "No exchange in the last 24 hours.")
	}
	return v.Pick("近 24 小时共 "+v.Number(total)+" 次，最多的一小时是 "+at+" 时，"+v.Number(peak)+" 次。", v.Number(total)+" exchanges in the last 24 hours, most at "+at+":00, "+v.Number(peak)+".")
}

func waysText(v *ui.View, b *board) string {
	text := v.Pick("数据流向示意图。", "What flows where. ")
	for _, w := range b.ways {
		if w.calls > 0 {
			text += w.label + v.Pick(" 次。", ". ")
		}
	}
	return text
}
