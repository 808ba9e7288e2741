package pdf

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A text is set in the font that has its characters.
func TestRuns(t *testing.T) {
	got := strings.Join(runs("第 1 页，共 12 页（SHA-256）"), "|")
	if want := "第| 1 |页，共| 12 |页（|SHA-256|）"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if face("页") != family || face("12") != other {
		t.Error("a run is in the wrong font")
	}
}

// A font that is not there is said, with the package that brings it.
func TestNoFont(t *testing.T) {
	var b bytes.Buffer
	err := Print(&b, &Font{Path: filepath.Join(t.TempDir(), "none.ttf")}, Document{Title: "协议"})
	if !errors.Is(err, ErrNoFont) || b.Len() != 0 {
		t.Errorf("%v, %d bytes", err, b.Len())
	}
}

// lacks skips a test, unless everything must be there (as in CI).
func lacks(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("KUAYU_REQUIRE_SERVICES") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// A document that needs several pages says so on each; every word can be read back, and every page rendered.
func TestPrint(t *testing.T) {
	f := &Font{}
	if _, _, err := f.read(); err != nil {
		lacks(t, "no font on this machine: install fonts-droid-fallback and fonts-dejavu-core")
	}
	d := Document{Title: "政务数据共享协议", Number: "编号 2026-1", Foot: "上海市", Page: func(at, of int) string {
		return "第 " + string(rune('0'+at)) + " 页，共 " + string(rune('0'+of)) + " 页"
	}}
	p := Part{Heading: "一、约定", Head: []string{"数据项", "说明"}}
	for range 60 {
		p.Rows = append(p.Rows, []string{"企业名称", strings.Repeat("与申请一致，不得转供。", 6)})
	}
	d.Parts = []Part{p, {Text: "摘要 0123456789abcdef", Code: "0123456789abcdef"}}
	var b bytes.Buffer
	if err := Print(&b, f, d); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"pdftotext", "pdftoppm"} {
		if _, err := exec.LookPath(tool); err != nil {
			lacks(t, "install poppler-utils to read it back")
		}
	}
	read := exec.CommandContext(t.Context(), "pdftotext", "-layout", "-", "-")
	read.Stdin = bytes.NewReader(b.Bytes())
	text, err := read.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"政务数据共享协议", "编号 2026-1", "企业名称", "0123456789abcdef", "第 1 页，共", "上海市"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	draw := exec.CommandContext(t.Context(), "pdftoppm", "-r", "40", "-png", "-", filepath.Join(t.TempDir(), "page"))
	draw.Stdin = bytes.NewReader(b.Bytes())
	if out, err := draw.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("rendering: %v %s", err, out)
	}
}
