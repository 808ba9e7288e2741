package demo

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/webtest"
)

// TestStylePageIsServed: the style page and what it names are on the staff listener, for whoever asks.
func TestStylePageIsServed(t *testing.T) {
	c, err := Start(t.Context(), Settings{Dir: t.TempDir(), Places: Places()[:1], CheckpointMS: 500})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	var page []byte
	if err := c.Client("shanghai").Call(t.Context(), http.MethodGet, "/ui", nil, &page); err != nil {
		t.Fatal(err)
	}
	for _, p := range webtest.Check(string(page)) {
		t.Error(p)
	}
	_, rest, _ := strings.Cut(string(page), `rel="stylesheet" href="`)
	style, _, _ := strings.Cut(rest, `"`)
	var css []byte
	if err := c.Client("shanghai").Call(t.Context(), http.MethodGet, style, nil, &css); err != nil || !strings.Contains(string(css), "--ink") {
		t.Errorf("%s: %v", style, err)
	}
}
