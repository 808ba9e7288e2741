package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/kuayu/kuayu/internal/columnar"
)

// csvForm is how a CSV file is written.
type csvForm struct {
	comma  byte
	enc    string // "utf-8", "gb18030", "utf-16"
	gz     bool
	mark   bool // it begins with a byte order mark
	header []string
}

// A CSV file has a header line. An unquoted empty field is null, a quoted one is empty text (as PostgreSQL's COPY has
// it). Quotes follow RFC 4180; lines end in LF or CRLF; blank lines are skipped unless there is one column only.

// csvReader splits bounded records. Fields are views, valid until the next record.
type csvReader struct {
	br     *bufio.Reader
	comma  byte
	maxRec int
	maxFld int
	line   int64 // line the record began on
	lines  int64 // lines read
	bytes  int64 // bytes read
	buf    []byte
	text   []byte // unquoted text of fields that needed it
	fields [][]byte
	quoted []bool
}

var (
	errQuote = errors.New(ReasonQuote)
	errSize  = errors.New(ReasonSize)
)

const bom = "\xef\xbb\xbf"

// readLine appends one line, without its end, to buf. The rest of a line that is too long is thrown away.
func (r *csvReader) readLine() error {
	r.lines++
	start := len(r.buf)
	over := false
	for {
		part, err := r.br.ReadSlice('\n')
		r.bytes += int64(len(part))
		if !over && len(r.buf)+len(part) > r.maxRec+2 {
			over = true
		}
		if !over {
			r.buf = append(r.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			if len(r.buf) == start && len(part) == 0 && !over {
				return io.EOF
			}
		case err != nil:
			return err
		}
		if over {
			return errSize
		}
		return nil
	}
}

// trim cuts the end of the line off.
func trim(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte{'\n'})
	return bytes.TrimSuffix(b, []byte{'\r'})
}

// read gives the next record: io.EOF at the end; errQuote or errSize for a bad record, after which reading goes on.
func (r *csvReader) read() error {
	r.buf, r.text = r.buf[:0], r.text[:0]
	r.fields, r.quoted = r.fields[:0], r.quoted[:0]
	r.line = r.lines + 1
	if err := r.readLine(); err != nil {
		return err
	}
	line := trim(r.buf)
	if bytes.IndexByte(line, '"') < 0 {
		return r.plain(line)
	}
	return r.quotedRecord()
}

func (r *csvReader) plain(line []byte) error {
	for {
		i := bytes.IndexByte(line, r.comma)
		f := line
		if i >= 0 {
			f = line[:i]
		}
		if len(f) > r.maxFld {
			return errSize
		}
		r.fields, r.quoted = append(r.fields, f), append(r.quoted, false)
		if i < 0 {
			return nil
		}
		line = line[i+1:]
	}
}

// span is where an unquoted field lies in text, as text may move while it grows.
type span struct{ from, to int }

func (r *csvReader) quotedRecord() error {
	var spans []span
	pos := 0
	for {
		from := len(r.text)
		q := pos < len(r.buf) && r.buf[pos] == '"'
		var err error
		if q {
			pos, err = r.quotedField(pos + 1)
		} else {
			line := trim(r.buf)
			end := len(line)
			if pos > end {
				pos = end
			}
			if i := bytes.IndexByte(line[pos:], r.comma); i >= 0 {
				end = pos + i
			}
			if bytes.IndexByte(line[pos:end], '"') >= 0 {
				return errQuote
			}
			r.text = append(r.text, line[pos:end]...)
			pos = end
		}
		if err != nil {
			return err
		}
		if len(r.text)-from > r.maxFld {
			return errSize
		}
		spans, r.quoted = append(spans, span{from, len(r.text)}), append(r.quoted, q)
		line := trim(r.buf)
		if pos >= len(line) {
			break
		}
		if line[pos] != r.comma {
			return errQuote
		}
		pos++
	}
	for _, s := range spans {
		r.fields = append(r.fields, r.text[s.from:s.to])
	}
	return nil
}

// quotedField reads from behind the opening quote to behind the closing one, over line ends.
func (r *csvReader) quotedField(pos int) (int, error) {
	for {
		i := bytes.IndexByte(r.buf[pos:], '"')
		if i < 0 {
			r.text = append(r.text, r.buf[pos:]...)
			pos = len(r.buf)
			if err := r.readLine(); err != nil {
				if errors.Is(err, io.EOF) {
					return 0, errQuote
				}
				return 0, err
			}
			continue
		}
		r.text = append(r.text, r.buf[pos:pos+i]...)
		pos += i + 1
		if pos < len(r.buf) && r.buf[pos] == '"' {
			r.text = append(r.text, '"')
			pos++
			continue
		}
		return pos, nil
	}
}

// capped fails once more than n bytes were read: a small archive must not become a large memory or time.
type capped struct {
	r io.Reader
	n int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.n <= 0 {
		var one [1]byte
		if n, err := c.r.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, ErrTooLarge.With("uncompressed file", "解压后的文件")
	}
	if int64(len(p)) > c.n {
		p = p[:c.n]
	}
	n, err := c.r.Read(p)
	c.n -= int64(n)
	return n, err
}

// openCSV opens the file for reading as UTF-8. form.enc is detected when empty.
func (s *fileSource) openCSV(path string, form *csvForm) (io.Closer, *bufio.Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, ErrOpen.Because(err)
	}
	br, err := s.decodeCSV(f, form)
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, br, nil
}

func (s *fileSource) decodeCSV(f io.Reader, form *csvForm) (*bufio.Reader, error) {
	if form.gz {
		z, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			return nil, err
		}
		f = z
	}
	br := bufio.NewReaderSize(&capped{r: f, n: s.spec.MaxFileBytes}, 64<<10)
	head, err := br.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	enc := detect(head, errors.Is(err, io.EOF))
	if form.enc == "" {
		form.enc = enc
	}
	switch form.enc {
	case "utf-8":
		if bytes.HasPrefix(head, []byte(bom)) {
			_, _ = br.Discard(len(bom))
			form.mark = true
		}
		return br, nil
	case "utf-16":
		return bufio.NewReaderSize(transform.NewReader(br, unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder()), 64<<10), nil
	case "gb18030":
		return bufio.NewReaderSize(transform.NewReader(br, simplifiedchinese.GB18030.NewDecoder()), 64<<10), nil
	}
	return nil, ErrEncoding.With("")
}

// detect tells the encoding of the beginning of a file; empty if it is none we read.
func detect(head []byte, whole bool) string {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return "utf-16"
	}
	if bytes.HasPrefix(head, []byte(bom)) {
		return "utf-8" // it says so; bad bytes are bad rows
	}
	cut := head
	if !whole { // a character may be cut at the end
		for n := 0; n < utf8.UTFMax-1 && len(cut) > 0 && !utf8.Valid(cut); n++ {
			cut = cut[:len(cut)-1]
		}
	}
	if utf8.Valid(cut) {
		return "utf-8"
	}
	cut = head
	for n := 0; n < 4 && len(cut) > 0; n++ {
		out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(cut)
		if err == nil && !bytes.ContainsRune(out, utf8.RuneError) {
			return "gb18030"
		}
		if whole {
			return ""
		}
		cut = cut[:len(cut)-1]
	}
	return ""
}

func (s *fileSource) newCSVReader(br *bufio.Reader, comma byte) *csvReader {
	return &csvReader{br: br, comma: comma, maxRec: s.spec.MaxLineBytes, maxFld: s.spec.MaxFieldBytes}
}

func (s *fileSource) describeCSV(ctx context.Context, t *fileTable, ext string) error {
	form := &csvForm{gz: strings.HasSuffix(ext, ".gz")}
	f, br, err := s.openCSV(t.path, form)
	if err != nil {
		if errors.Is(err, ErrEncoding) {
			return ErrEncoding.With(t.Name)
		}
		return fileFailed(t.Name, err)
	}
	defer func() { _ = f.Close() }()
	first, _ := br.Peek(4096)
	form.comma = delimiter(first, ext)
	r := s.newCSVReader(br, form.comma)
	if err := s.header(r, form, t.Name); err != nil {
		return err
	}
	guess := make([]guess, len(form.header))
	for n := 0; n < s.spec.SampleRows; n++ {
		if n&1023 == 0 && ctx.Err() != nil {
			return ErrStopped.Because(ctx.Err())
		}
		err := r.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, errQuote) || errors.Is(err, errSize) {
			continue
		}
		if err != nil {
			return fileFailed(t.Name, err)
		}
		if len(r.fields) != len(guess) {
			continue
		}
		for i, f := range r.fields {
			if len(f) > 0 || r.quoted[i] {
				guess[i].see(f, r.quoted[i])
			}
		}
	}
	t.csv = form
	for i, name := range form.header {
		k := guess[i].kind()
		if o := s.spec.Types[t.Name][name]; o != "" {
			var ok bool
			if k, ok = kindNamed(o); !ok {
				return ErrSpec.With("unknown type of item "+name, "数据项 "+name+" 的类型未知")
			}
		}
		t.Columns = append(t.Columns, Column{Name: name, Type: k.arrow(), Nullable: true, Native: "csv", kind: k})
	}
	return nil
}

// header reads the names of the columns.
func (s *fileSource) header(r *csvReader, form *csvForm, table string) error {
	err := r.read()
	if err != nil {
		return fileFailed(table, err)
	}
	if len(r.fields) > s.spec.MaxColumns {
		return ErrTooLarge.With("columns", "列数")
	}
	names := make([]string, len(r.fields))
	seen := make(map[string]bool, len(names))
	for i, f := range r.fields {
		names[i] = strings.TrimSpace(string(f))
		if names[i] == "" || !utf8.ValidString(names[i]) {
			return ErrSpec.With("the header of file "+table+" has an empty or unreadable name", "文件 "+table+" 的表头有空白或无法识别的列名")
		}
		if seen[names[i]] {
			return ErrDuplicate.With(names[i])
		}
		seen[names[i]] = true
	}
	if form.header != nil && !slices.Equal(form.header, names) {
		return ErrFile.Because(errors.New("the header changed since it was discovered"), table)
	}
	form.header = names
	return nil
}

// delimiter is what the header line has most of: comma, tab or semicolon.
func delimiter(head []byte, ext string) byte {
	if strings.HasPrefix(ext, ".tsv") {
		return '\t'
	}
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	best, n := byte(','), bytes.Count(line, []byte{','})
	for _, d := range []byte{'\t', ';'} {
		if c := bytes.Count(line, []byte{d}); c > n {
			best, n = d, c
		}
	}
	return best
}

type csvScanner struct {
	t       *fileTable
	f       io.Closer
	r       *csvReader
	lenient bool
	need    []bool
	at      []int // column of the builder, -1 if not needed
	b       *columnar.Builder
	rep     Report
	row     int64 // number of the record
	skip    int64 // records before the page
	seek    bool  // a page can begin at an offset
	done    bool
	nullify bool // GB18030: a character that could not be decoded is U+FFFD
}

// scanCSV reads from a place. Where the bytes of the file are those of the text it begins there; otherwise the records
// before it are read, but not looked at.
func (s *fileSource) scanCSV(f *os.File, t *fileTable, need []bool, from place) (scanner, error) {
	form := *t.csv
	br, err := s.decodeCSV(f, &form)
	if err != nil {
		return nil, fileFailed(t.Name, err)
	}
	sc := &csvScanner{t: t, f: f, r: s.newCSVReader(br, form.comma), lenient: s.spec.Lenient, need: need, at: make([]int, len(need)), nullify: form.enc != "utf-8"}
	if err := s.header(sc.r, &form, t.Name); err != nil {
		return nil, err
	}
	if form.mark {
		sc.r.bytes += int64(len(bom))
	}
	if sc.skip, sc.seek = from.row, form.enc == "utf-8" && !form.gz; sc.seek && from.end > 0 {
		if _, err := f.Seek(from.end, io.SeekStart); err != nil {
			return nil, fileFailed(t.Name, err)
		}
		br.Reset(&capped{r: f, n: s.spec.MaxFileBytes - from.end})
		sc.r.bytes, sc.r.lines, sc.row = from.end, from.line, from.row
	}
	var fields []arrow.Field
	for i, ok := range need {
		sc.at[i] = -1
		if ok {
			sc.at[i] = len(fields)
			fields = append(fields, arrow.Field{Name: t.Columns[i].Name, Type: t.Columns[i].Type, Nullable: true})
		}
	}
	sc.b = columnar.NewBuilder(arrow.NewSchema(fields, nil))
	return sc, nil
}

func (s *csvScanner) close() { _ = s.f.Close() }

func (s *csvScanner) report() Report {
	r := s.rep
	r.First = slices.Clone(r.First)
	return r
}

func (s *csvScanner) next(ctx context.Context) (*chunk, error) {
	if s.done {
		return nil, nil //nolint:nilnil // the end
	}
	places := make([]spot, 0, 1024)
	for tries := 0; len(places) < BatchRows; tries++ {
		if tries&255 == 0 && ctx.Err() != nil {
			return nil, ErrStopped.Because(ctx.Err())
		}
		err := s.r.read()
		if errors.Is(err, io.EOF) {
			s.done = true
			break
		}
		if err == nil && len(s.r.fields) == 1 && len(s.r.fields[0]) == 0 && !s.r.quoted[0] && len(s.t.Columns) > 1 {
			continue // blank line
		}
		s.row++
		if s.row <= s.skip && (err == nil || errors.Is(err, errQuote) || errors.Is(err, errSize)) {
			continue
		}
		s.rep.Rows++
		reason := ""
		switch {
		case errors.Is(err, errQuote), errors.Is(err, errSize):
			reason = err.Error()
		case err != nil:
			return nil, fileFailed(s.t.Name, err)
		default:
			reason = s.check()
		}
		if reason != "" {
			if !s.lenient {
				return nil, ErrBadRow.With(s.t.Name, s.r.line, reason, reasonZh(reason))
			}
			s.rep.reject(s.r.line, reason)
			continue
		}
		s.append()
		at := spot{row: s.row}
		if s.seek {
			at.end, at.line = s.r.bytes, s.r.lines
		}
		places = append(places, at)
		if len(places)&15 == 0 && s.b.Size() > BatchBytes {
			break
		}
	}
	rec := s.b.FinishRows(len(places))
	if len(places) == 0 {
		rec.Release()
		return nil, nil //nolint:nilnil // the end
	}
	c := &chunk{cols: make([]arrow.Array, len(s.need)), rows: len(places), places: places, free: rec.Release}
	for i, at := range s.at {
		if at >= 0 {
			c.cols[i] = rec.Column(at)
		}
	}
	return c, nil
}

func reasonZh(reason string) string {
	switch reason {
	case ReasonShort:
		return "字段过少"
	case ReasonLong:
		return "字段过多"
	case ReasonQuote:
		return "引号不配对"
	case ReasonEncoding:
		return "编码错误"
	case ReasonValue:
		return "值与类型不符"
	}
	return "超出大小限制"
}

// check tells why the record is bad; empty if it is good. Every column is checked, needed or not: which rows there
// are must not depend on what is asked for.
func (s *csvScanner) check() string {
	switch {
	case len(s.r.fields) < len(s.t.Columns):
		return ReasonShort
	case len(s.r.fields) > len(s.t.Columns):
		return ReasonLong
	}
	for i, f := range s.r.fields {
		if !utf8.Valid(f) || (s.nullify && bytes.ContainsRune(f, utf8.RuneError)) {
			return ReasonEncoding
		}
		if len(f) == 0 && !s.r.quoted[i] {
			continue
		}
		if k := s.t.Columns[i].kind; k != kText && !fits(k, f) {
			return ReasonValue
		}
	}
	return ""
}

func (s *csvScanner) append() {
	for i, f := range s.r.fields {
		if s.at[i] < 0 {
			continue
		}
		c := s.b.Column(s.at[i])
		if len(f) == 0 && !s.r.quoted[i] {
			c.Null()
			continue
		}
		putText(c, s.t.Columns[i].kind, f)
	}
}
