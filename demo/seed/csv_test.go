package seed

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"
)

// What encoding/csv writes is read back the same.
func TestRowReaderAgreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOf(rapid.RuneFrom([]rune("ab,\"\n 企业")))
		rows := rapid.SliceOf(rapid.SliceOfN(cell, 2, 5)).Draw(t, "rows")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		want := csv.NewReader(bytes.NewReader(b.Bytes()))
		want.FieldsPerRecord = -1
		got := newRowReader(&b)
		for {
			expected, err := want.Read()
			fields, clean, gotErr := got.read()
			if errors.Is(err, io.EOF) {
				if !errors.Is(gotErr, io.EOF) {
					t.Fatal(gotErr)
				}
				return
			}
			if err != nil || gotErr != nil || !clean || len(fields) != len(expected) {
				t.Fatalf("%q %v, want %q %v (clean %v)", fields, gotErr, expected, err, clean)
			}
			for i := range fields {
				if string(bytes.ReplaceAll(fields[i], []byte("\r\n"), []byte("\n"))) != expected[i] { // the library joins line ends in fields
					t.Fatalf("field %d: %q, want %q", i, fields[i], expected[i])
				}
			}
		}
	})
}
