package ui

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/boombuler/barcode/qr"

	"github.com/kuayu/kuayu/internal/errs"
)

// Point is one value of a chart.
type Point struct {
	Name  string
	Value int64
}

// Chart is a small series, drawn by the server as SVG with its figures beside it as text.
type Chart struct {
	ID     string
	Title  string
	Points []Point
}

func (c Chart) extremes() (lowest, highest int64) {
	for i, p := range c.Points {
		if i == 0 {
			lowest, highest = p.Value, p.Value
		}
		lowest, highest = min(lowest, p.Value), max(highest, p.Value)
	}
	return lowest, highest
}

// summary is the chart in one sentence.
func (c Chart) summary(v *View) string {
	if len(c.Points) == 0 {
		return c.Title
	}
	lowest, highest := c.extremes()
	first, last := c.Points[0], c.Points[len(c.Points)-1]
	return v.T("chart.spark", c.Title, v.Number(first.Value), v.Number(last.Value), v.Number(lowest), v.Number(highest))
}

// Size of a sparkline, in its own units.
const (
	sparkWidth  = 120
	sparkHeight = 32
	sparkEdge   = 3
)

// place is where a point of a sparkline lies.
func (c Chart) place(i int) (x, y float64) {
	lowest, highest := c.extremes()
	span := float64(max(highest-lowest, 1))
	x = sparkEdge
	if n := len(c.Points); n > 1 {
		x += float64(i) * (sparkWidth - 2*sparkEdge) / float64(n-1)
	}
	return x, sparkHeight - sparkEdge - float64(c.Points[i].Value-lowest)*(sparkHeight-2*sparkEdge)/span
}

// line is the path of a sparkline.
func (c Chart) line() string {
	var b strings.Builder
	for i := range c.Points {
		x, y := c.place(i)
		word := "L"
		if i == 0 {
			word = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", word, x, y)
	}
	return b.String()
}

// end is where the last point of a sparkline lies.
func (c Chart) end() (x, y string) {
	fx, fy := c.place(len(c.Points) - 1)
	return fmt.Sprintf("%.1f", fx), fmt.Sprintf("%.1f", fy)
}

// width is how long the bar of a value is, in hundredths of the longest.
func (c Chart) width(p Point) string {
	_, highest := c.extremes()
	return fmt.Sprintf("%.2f", float64(max(p.Value, 0))*100/float64(max(highest, 1)))
}

// ErrQR is a text that no code can hold.
var ErrQR = errs.Define(errs.Invalid, "ui.qr", "内容过长，无法生成二维码。", "The text is too long for a QR code.")

// code is a QR code as the path of its dark squares, and how many squares wide it is with its margin of four.
type code struct {
	path string
	size int
}

func encodeQR(text string) (code, error) {
	const margin = 4 // ISO/IEC 18004: the quiet zone
	m, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return code{}, ErrQR.Because(err)
	}
	var b strings.Builder
	n := m.Bounds().Dx()
	for y := range n {
		for x := 0; x < n; x++ {
			run := 0
			for x+run < n {
				if r, _, _, _ := m.At(x+run, y).RGBA(); r != 0 {
					break
				}
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+margin, y+margin, run, run)
				x += run
			}
		}
	}
	return code{path: b.String(), size: n + 2*margin}, nil
}

// Size of a climb, in its own units.
const (
	climbWidth  = 340
	climbHeight = 32 // of a box
	climbStep   = 60
	climbBox    = 150
)

// sketch is a climb as boxes and lines, from the top down.
type sketch struct {
	boxes []sketchBox
	lines string
	tall  int
}

type sketchBox struct {
	x, y      int // of its middle and its upper edge
	text, use string
}

func (b sketchBox) left() string { return strconv.Itoa(b.x - climbBox/2) }
func (b sketchBox) top() string  { return strconv.Itoa(b.y) }
func (b sketchBox) base() string { return strconv.Itoa(b.y + climbHeight*2/3) }
func (b sketchBox) mid() string  { return strconv.Itoa(b.x) }
func (s sketch) box() string     { return "0 0 " + strconv.Itoa(climbWidth) + " " + strconv.Itoa(s.tall) }

// sketch lays a climb out: the way stands left where its neighbour stands right, and the other way round.
func (c Climb) sketch(v *View) sketch {
	low, high, skipped := c.drawn()
	levels := len(low) + len(high) + 1
	if skipped > 0 {
		levels++
	}
	const middle, half = climbWidth / 2, (climbStep - climbHeight) / 2
	s := sketch{tall: (levels-1)*climbStep + climbHeight + 4}
	y, text := s.tall-climbHeight-2, c.Leaf.Hash
	var lines strings.Builder
	place := func(x int, text, use string) {
		s.boxes = append(s.boxes, sketchBox{x, y, text, use})
		if y < s.tall-climbHeight-2 { // joined to what is below
			fmt.Fprintf(&lines, "M%d %dv%d", x, y+climbHeight, half)
		}
	}
	climb := func(steps []Beside) {
		for _, b := range steps {
			own, other := climbBox/2+2, climbWidth-climbBox/2-2
			if b.Left {
				own, other = other, own
			}
			place(own, text, "own")
			s.boxes = append(s.boxes, sketchBox{other, y, b.Hash, "beside"})
			fmt.Fprintf(&lines, "M%d %dv-%dH%dv%d", own, y, half, other, half)
			text, y = v.T("climb.joined"), y-climbStep
		}
	}
	climb(low)
	if skipped > 0 {
		place(middle, v.T("climb.skipped", skipped), "beside")
		next := climbBox/2 + 2
		if high[0].Left {
			next = climbWidth - next
		}
		fmt.Fprintf(&lines, "M%d %dv-%dH%d", middle, y, half, next)
		y -= climbStep
		climb(high)
	}
	place(middle, c.Root.Hash, "own")
	s.lines = lines.String()
	return s
}

// summary is the climb in one sentence.
func (c Climb) summary(v *View) string {
	if len(c.Steps) == 0 {
		return v.T("climb.alone", c.Leaf.Word, c.Root.Word)
	}
	return v.T("climb.of", c.Leaf.Word, len(c.Steps), c.Root.Word)
}

// climbTable lists the steps of a climb from the bottom up.
func climbTable(v *View, c Climb) Table {
	t := Table{Caption: c.Title, Columns: []Column{{Label: v.T("climb.step"), Number: true}, {Label: v.T("climb.side")}, {Label: v.T("climb.hash")}}}
	for i, b := range c.Steps {
		side := v.T("climb.right")
		if b.Left {
			side = v.T("climb.left")
		}
		t.Rows = append(t.Rows, []templ.Component{Words(v.Number(int64(i + 1))), Words(side), Identifier(v, b.Hash)})
	}
	return t
}
