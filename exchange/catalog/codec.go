package catalog

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// The bounds of a sheet. An XLSX is a packed archive: what it unpacks to is bounded before anything is unpacked.
const (
	MaxSheet    = 10 << 20 // bytes
	maxRows     = 200_000
	maxColumns  = 200
	maxUnpacked = 100 << 20 // bytes
	maxParts    = 1000
)

// Form is the form of a sheet.
type Form string

// The forms.
const (
	CSV  Form = "csv"
	XLSX Form = "xlsx"
)

// formOf recognises a sheet by its first bytes: an XLSX is a ZIP archive.
func formOf(b []byte) Form {
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return XLSX
	}
	return CSV
}

// decodeSheet reads the rows of a sheet; ErrSheet says what is wrong with it as a whole.
func decodeSheet(b []byte) ([][]string, error) {
	if len(b) > MaxSheet {
		return nil, ErrSheet.With("it is over 10 MB; split it", "超过 10 MB，请分成几个文件")
	}
	if formOf(b) == XLSX {
		return decodeXLSX(b)
	}
	return decodeCSV(b)
}

// decodeText turns bytes into UTF-8: with or without a byte order mark, or from GB 18030, in which spreadsheets of Chinese
// systems save by default.
func decodeText(b []byte) ([]byte, error) {
	if b, ok := bytes.CutPrefix(b, []byte("\xef\xbb\xbf")); ok {
		if !utf8.Valid(b) {
			return nil, ErrSheet.With("it says UTF-8 and is not", "声明为 UTF-8 而内容不是")
		}
		return b, nil
	}
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return nil, ErrSheet.With("it is UTF-16; save it as UTF-8 CSV or XLSX", "编码为 UTF-16，请另存为 UTF-8 的 CSV 或 XLSX")
	}
	if utf8.Valid(b) {
		return b, nil
	}
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return nil, ErrSheet.With("it is neither UTF-8 nor GB 18030", "既不是 UTF-8 也不是 GB18030 编码")
	}
	return out, nil
}

func decodeCSV(b []byte) ([][]string, error) {
	text, err := decodeText(b)
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, ErrSheet.With("it is no text", "不是文本文件")
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	var rows [][]string
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		var syntax *csv.ParseError
		switch {
		case errors.As(err, &syntax):
			return nil, ErrSheet.Because(err, fmt.Sprintf("line %d: a quotation mark is out of place", syntax.Line), fmt.Sprintf("第 %d 行的引号位置不对", syntax.Line))
		case err != nil:
			return nil, ErrSheet.Because(err, "it cannot be read", "无法读取")
		case len(rows) >= maxRows:
			return nil, ErrSheet.With(fmt.Sprintf("it has more than %d rows; split it", maxRows), fmt.Sprintf("超过 %d 行，请分成几个文件", maxRows))
		case len(cells) > maxColumns:
			return nil, ErrSheet.With("a row has too many columns", "某一行的列过多")
		}
		line, _ := r.FieldPos(0)
		for len(rows) < line-1 && len(rows) < maxRows { // empty lines are passed over by the reader, and counted here
			rows = append(rows, nil)
		}
		for i := range cells {
			cells[i] = unguard(cells[i])
		}
		rows = append(rows, cells)
	}
}

// A cell that a spreadsheet would take for a formula gets an apostrophe in front, and so does one that begins with one.
const formulaMarks = "=+-@\t'"

func guard(s string) string {
	if s != "" && strings.IndexByte(formulaMarks, s[0]) >= 0 {
		return "'" + s
	}
	return s
}

func unguard(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.IndexByte(formulaMarks, s[1]) >= 0 {
		return s[1:]
	}
	return s
}

func encodeCSV(w io.Writer, rows [][]string) error {
	if _, err := io.WriteString(w, "\xef\xbb\xbf"); err != nil { // by it spreadsheets know that it is UTF-8
		return err
	}
	c := csv.NewWriter(w)
	for _, cells := range rows {
		safe := make([]string, len(cells))
		for i, s := range cells {
			safe[i] = guard(s)
		}
		if err := c.Write(safe); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// bounded refuses an archive that would unpack to more than a sheet can be.
func bounded(b []byte) error {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return ErrSheet.Because(err, "the XLSX is damaged", "XLSX 文件已损坏")
	}
	var sum uint64
	for _, f := range z.File {
		sum += f.UncompressedSize64
		if f.UncompressedSize64 > maxUnpacked || sum > maxUnpacked {
			return ErrSheet.With("the XLSX unpacks to over 100 MB", "XLSX 解开后超过 100 MB")
		}
	}
	if len(z.File) > maxParts || !slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "[Content_Types].xml" }) {
		return ErrSheet.With("it is a ZIP archive and no XLSX", "是 ZIP 压缩包而不是 XLSX")
	}
	return nil
}

func decodeXLSX(b []byte) (rows [][]string, err error) {
	if err := bounded(b); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil { // the library trusts what it reads
			rows, err = nil, ErrSheet.Because(fmt.Errorf("panic: %v", p), "the XLSX is damaged", "XLSX 文件已损坏")
		}
	}()
	f, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked, RawCellValue: true})
	if err != nil {
		return nil, ErrSheet.Because(err, "the XLSX cannot be read (damaged, or with a password)", "无法读取 XLSX（已损坏或设有密码）")
	}
	defer func() { _ = f.Close() }()
	names := f.GetSheetList()
	if len(names) == 0 {
		return nil, ErrSheet.With("the XLSX has no sheet", "XLSX 中没有工作表")
	}
	it, err := f.Rows(names[0])
	if err != nil {
		return nil, ErrSheet.Because(err, "the first sheet cannot be read", "无法读取第一张工作表")
	}
	defer func() { _ = it.Close() }()
	for it.Next() {
		if len(rows) >= maxRows {
			return nil, ErrSheet.With(fmt.Sprintf("it has more than %d rows; split it", maxRows), fmt.Sprintf("超过 %d 行，请分成几个文件", maxRows))
		}
		cells, err := it.Columns()
		if err != nil {
			return nil, ErrSheet.Because(err, fmt.Sprintf("row %d cannot be read", len(rows)+1), fmt.Sprintf("无法读取第 %d 行", len(rows)+1))
		}
		if len(cells) > maxColumns {
			return nil, ErrSheet.With("a row has too many columns", "某一行的列过多")
		}
		rows = append(rows, cells)
	}
	if err := it.Error(); err != nil {
		return nil, ErrSheet.Because(err, "the first sheet cannot be read", "无法读取第一张工作表")
	}
	return rows, nil
}

func encodeXLSX(w io.Writer, rows [][]string) error {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	const sheet = "目录"
	if err := f.SetSheetName("Sheet1", sheet); err != nil {
		return fmt.Errorf("xlsx: %w", err)
	}
	st, err := f.NewStreamWriter(sheet)
	if err != nil {
		return fmt.Errorf("xlsx: %w", err)
	}
	for i, cells := range rows {
		at, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			return fmt.Errorf("xlsx: %w", err)
		}
		vs := make([]any, len(cells))
		for k, s := range cells {
			vs[k] = s
		}
		if err := st.SetRow(at, vs); err != nil {
			return fmt.Errorf("xlsx: %w", err)
		}
	}
	if err := st.Flush(); err != nil {
		return fmt.Errorf("xlsx: %w", err)
	}
	if _, err := f.WriteTo(w); err != nil {
		return fmt.Errorf("xlsx: %w", err)
	}
	return nil
}
