package pdf

import (
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/boombuler/barcode/qr"
	"github.com/signintech/gopdf"

	"github.com/kuayu/kuayu/internal/errs"
)

// The errors of this package.
var (
	// ErrNoFont is a machine without a font that has Chinese in it.
	ErrNoFont = errs.Define(errs.Precondition, "paper.no_font", "本节点没有可用的中文字体，不能生成 PDF。请运行维护人员安装软件包 fonts-droid-fallback 和 fonts-dejavu-core，或在配置项 font 中指定 TrueType 字体文件。", "This node has no font with Chinese in it and can't print. Ask the operator to install the packages fonts-droid-fallback and fonts-dejavu-core, or to name a TrueType file in the setting font.")
	// ErrPrint is a document that could not be set.
	ErrPrint = errs.Define(errs.Internal, "paper.print", "PDF 生成失败。请稍后重试，仍不成功的请告知运行维护人员。", "The PDF could not be made. Try again; if it fails once more, tell the operator.")
)

// Document is what is printed.
type Document struct {
	Title  string
	Number string
	Parts  []Part
	Foot   string
	Page   func(at, of int) string // the page's number in words
}

// Part is one part of a document: a heading, with whichever of the others it has below it.
type Part struct {
	Heading string
	Text    string
	Pairs   [][2]string // a name and what it is, as a table of two columns
	Head    []string    // of a table
	Rows    [][]string
	Code    string // drawn as squares
}

// latins are where distributions put a font for digits and Latin letters, which the Chinese one of theirs does not have.
func latins() []string {
	return []string{
		"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/dejavu/DejaVuSans.ttf", "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
		"/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf", "/usr/share/fonts/liberation-sans/LiberationSans-Regular.ttf",
	}
}

// folders are where distributions put the font, in the order in which they are looked through.
func folders() []string {
	return []string{
		"/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", "/usr/share/fonts/truetype/droid/DroidSansFallback.ttf",
		"/usr/share/fonts/google-droid/DroidSansFallback.ttf", "/usr/share/fonts/google-droid-sans-fonts/DroidSansFallbackFull.ttf", "/usr/share/fonts/droid/DroidSansFallbackFull.ttf",
	}
}

// Font is a font that is read when it is first needed.
type Font struct {
	Path string // file; empty: the usual folders

	mu    sync.Mutex
	data  []byte
	latin []byte
}

// read returns the font and the one for Latin letters, from memory once they were found. A font that is not there may be
// installed while the node runs. A font that somebody named is taken for both.
func (f *Font) read() (chinese, latin []byte, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.data != nil {
		return f.data, f.latin, nil
	}
	paths, other := folders(), latins()
	if f.Path != "" {
		paths, other = []string{f.Path}, []string{f.Path}
	}
	data, latin := firstOf(paths), firstOf(other)
	if data == nil || latin == nil {
		return nil, nil, ErrNoFont.With()
	}
	f.data, f.latin = data, latin
	return data, latin, nil
}

// firstOf is the first file that is there.
func firstOf(paths []string) []byte {
	for _, p := range paths {
		if b, err := os.ReadFile(p); err == nil {
			return b
		}
	}
	return nil
}

// Sizes, in points.
const (
	margin  = 68.0
	foot    = 40.0
	big     = 20.0
	middle  = 13.0
	normal  = 10.5
	small   = 9.0
	leading = 1.6
	pad     = 5.0
	code    = 96.0
	labels  = 0.24 // of the width, for the names in pairs
	squares = 4    // of quiet around a code
)

// The two fonts.
const (
	family = "chinese"
	other  = "latin"
)

// hanFrom is where the scripts of East Asia begin; what stands before them is set in the other font.
const hanFrom = 0x2e80

// runs are the parts of a text that are set in one font each.
func runs(text string) []string {
	var out []string
	was := false
	for _, r := range text {
		if han := r >= hanFrom; len(out) == 0 || han != was {
			out, was = append(out, ""), han
		}
		out[len(out)-1] += string(r)
	}
	return out
}

// face is the font of a run.
func face(run string) string {
	if r, _ := utf8.DecodeRuneInString(run); r >= hanFrom {
		return family
	}
	return other
}

// setter sets a document, from top to bottom.
type setter struct {
	pdf    *gopdf.GoPdf
	y      float64
	width  float64
	bottom float64
	size   float64
	err    error
}

// Print writes a document. The same document gives the same pages.
func Print(w io.Writer, f *Font, d Document) error {
	data, latin, err := f.read()
	if err != nil {
		return err
	}
	s := &setter{pdf: &gopdf.GoPdf{}}
	page := *gopdf.PageSizeA4
	s.pdf.Start(gopdf.Config{PageSize: page})
	s.width, s.bottom = page.W-2*margin, page.H-margin
	if err := s.pdf.AddTTFFontData(family, data); err != nil {
		return ErrNoFont.Because(err)
	}
	if err := s.pdf.AddTTFFontData(other, latin); err != nil {
		return ErrNoFont.Because(err)
	}
	s.turn()
	s.centred(d.Title, big)
	if d.Number != "" {
		s.centred(d.Number, small)
	}
	s.rule()
	for i := range d.Parts {
		s.part(&d.Parts[i])
	}
	s.feet(d, page.H)
	if s.err != nil {
		return ErrPrint.Because(s.err)
	}
	if _, err := s.pdf.WriteTo(w); err != nil {
		return ErrPrint.Because(err)
	}
	return nil
}

// keep remembers the first error.
func (s *setter) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *setter) font(size float64) { s.size = size }

// turn begins a page.
func (s *setter) turn() {
	s.pdf.AddPage()
	s.y = margin
}

// need begins a page if there is not so much left.
func (s *setter) need(height float64) {
	if s.y+height > s.bottom {
		s.turn()
	}
}

func (s *setter) line() float64 { return s.size * leading }

func (s *setter) measure(text string) float64 {
	width := 0.0
	for _, r := range runs(text) {
		s.keep(s.pdf.SetFont(face(r), "", s.size))
		w, err := s.pdf.MeasureTextWidth(r)
		s.keep(err)
		width += w
	}
	return width
}

func (s *setter) put(x, y float64, text string) {
	for _, r := range runs(text) {
		s.keep(s.pdf.SetFont(face(r), "", s.size))
		s.pdf.SetXY(x, y)
		s.keep(s.pdf.Cell(nil, r))
		w, err := s.pdf.MeasureTextWidth(r)
		s.keep(err)
		x += w
	}
}

func (s *setter) centred(text string, size float64) {
	s.font(size)
	for _, l := range s.wrap(text, s.width) {
		s.need(s.line())
		s.put(margin+(s.width-s.measure(l))/2, s.y, l)
		s.y += s.line()
	}
}

func (s *setter) rule() {
	s.y += pad
	s.pdf.SetLineWidth(1)
	s.pdf.Line(margin, s.y, margin+s.width, s.y)
	s.y += 2 * pad
}

// stays are marks that no line begins with.
const stays = "，。；：、！？）》」』”’】,.;:!?)]}"

// wrap breaks a text into lines: between any two characters of Chinese, and at the spaces of other scripts where it can.
func (s *setter) wrap(text string, width float64) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		var now []rune
		used := 0.0
		for _, r := range line {
			w := s.measure(string(r))
			if used+w > width && len(now) > 0 && !strings.ContainsRune(stays, r) {
				at := breakAt(now)
				out = append(out, strings.TrimRight(string(now[:at]), " "))
				now = slices.Clone(now[at:])
				used = s.measure(string(now))
			}
			now, used = append(now, r), used+w
		}
		out = append(out, string(now))
	}
	return out
}

// breakAt is where a full line ends: behind its last space if a word of another script would be cut, or else at its end.
func breakAt(line []rune) int {
	const far = 24 // a word that is longer is cut: a number, a digest
	for i := len(line) - 1; i > 0 && i > len(line)-far; i-- {
		switch {
		case line[i] >= hanFrom:
			return i + 1
		case line[i] == ' ':
			return i + 1
		}
	}
	return len(line)
}

func (s *setter) part(p *Part) {
	if p.Heading != "" {
		s.font(middle)
		s.need(4 * s.line())
		s.y += pad
		s.put(margin, s.y, p.Heading)
		s.y += s.line()
	}
	s.font(normal)
	if p.Text != "" {
		for _, l := range s.wrap(p.Text, s.width) {
			s.need(s.line())
			s.put(margin, s.y, l)
			s.y += s.line()
		}
		s.y += pad
	}
	if len(p.Pairs) > 0 {
		rows := make([][]string, len(p.Pairs))
		for i, x := range p.Pairs {
			rows[i] = []string{x[0], x[1]}
		}
		s.table([]float64{s.width * labels, s.width * (1 - labels)}, nil, rows)
	}
	if len(p.Head) > 0 {
		widths := make([]float64, len(p.Head))
		for i := range widths {
			widths[i] = s.width / float64(len(widths))
		}
		s.table(widths, p.Head, p.Rows)
	}
	if p.Code != "" {
		s.squares(p.Code)
	}
}

// table draws rows with their edges. A row that does not fit begins a page, on which the head is said again.
func (s *setter) table(widths []float64, head []string, rows [][]string) {
	s.pdf.SetLineWidth(0.5)
	if head != nil {
		s.row(widths, head)
	}
	for _, r := range rows {
		if s.y+s.height(widths, r) > s.bottom && s.y > margin {
			s.turn()
			if head != nil {
				s.row(widths, head)
			}
		}
		s.row(widths, r)
	}
	s.y += 2 * pad
}

func (s *setter) height(widths []float64, cells []string) float64 {
	lines := 1
	for i, c := range cells {
		lines = max(lines, len(s.wrap(c, widths[i]-2*pad)))
	}
	return float64(lines)*s.line() + 2*pad
}

// row draws one row. One that is higher than a page goes on on the next.
func (s *setter) row(widths []float64, cells []string) {
	left := make([][]string, len(cells))
	most := 0
	for i, c := range cells {
		left[i] = s.wrap(c, widths[i]-2*pad)
		most = max(most, len(left[i]))
	}
	for done := 0; done < most; {
		s.need(s.line() + 2*pad)
		n := min(most-done, int((s.bottom-s.y-2*pad)/s.line()))
		x, h := margin, float64(n)*s.line()+2*pad
		for i := range cells {
			s.pdf.RectFromUpperLeftWithStyle(x, s.y, widths[i], h, "D")
			for j := done; j < min(done+n, len(left[i])); j++ {
				s.put(x+pad, s.y+pad+float64(j-done)*s.line()+(s.line()-s.size)/2, left[i][j])
			}
			x += widths[i]
		}
		s.y, done = s.y+h, done+n
	}
}

// squares draws a text as a code.
func (s *setter) squares(text string) {
	q, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		s.keep(err)
		return
	}
	s.need(code + pad)
	n := q.Bounds().Dx()
	side := code / float64(n+2*squares)
	for y := range n {
		for x := range n {
			if r, _, _, _ := q.At(x, y).RGBA(); r == 0 {
				s.pdf.RectFromUpperLeftWithStyle(margin+float64(x+squares)*side, s.y+float64(y+squares)*side, side, side, "F")
			}
		}
	}
	s.y += code + pad
}

// feet writes the foot of every page, once it is known how many there are.
func (s *setter) feet(d Document, height float64) {
	s.font(small)
	n := s.pdf.GetNumberOfPages()
	for i := 1; i <= n; i++ {
		s.keep(s.pdf.SetPage(i))
		s.font(small)
		s.put(margin, height-foot, d.Foot)
		if d.Page != nil {
			t := d.Page(i, n)
			s.put(margin+s.width-s.measure(t), height-foot, t)
		}
	}
}
