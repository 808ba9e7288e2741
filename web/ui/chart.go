package ui

import (
	"fmt"
	"strings"

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
