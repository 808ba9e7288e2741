package staff

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/web/ui"
)

// Every state of the law has words in both languages, with Chinese marks.
func TestStateWords(t *testing.T) {
	for _, s := range agreement.States() {
		if w := StateWord(s); w[0] == "" || w[1] == "" || webtest.HalfWidth(w[0]) {
			t.Errorf("state %s: %q, %q", s, w[0], w[1])
		}
	}
}

// Every event of the law, and each kind of fact, has words in both languages, with Chinese marks.
func TestEventWords(t *testing.T) {
	for _, e := range agreement.Table().EventNames() {
		if w := agreement.Table().EventWords(e); w.Zh == "" || w.En == "" || webtest.HalfWidth(w.Zh) {
			t.Errorf("event %s: %q", e, w)
		}
	}
	for k, w := range factWords() {
		if w[0] == "" || w[1] == "" || webtest.HalfWidth(w[0]) {
			t.Errorf("kind %s: %q", k, w)
		}
	}
}

// What codes stand for is said in both languages.
func TestCodeWords(t *testing.T) {
	for code, w := range codeWords() {
		if w[0] == "" || w[1] == "" || webtest.HalfWidth(w[0]) {
			t.Errorf("%q: %q, %q", code, w[0], w[1])
		}
	}
	v := ui.New().View(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	for mask, want := range map[string]string{"": "原文", "keep_last:4": "只显示后 4 个字符", "phone": "号码中间四位以 * 代替"} {
		m, err := policy.ParseMask(mask)
		if got := MaskWord(v, m); err != nil || got != want {
			t.Errorf("%q: %q, want %q", mask, got, want)
		}
	}
}

// A role has at most nine places, and each is named in both languages.
func TestPlaces(t *testing.T) {
	for _, r := range identity.Roles() {
		n := 0
		for _, p := range places() {
			if len(p.roles) == 0 || slices.Contains(p.roles, r) {
				n++
			}
			if p.name[0] == "" || p.name[1] == "" {
				t.Errorf("%s has no name", p.path)
			}
		}
		if n > 9 {
			t.Errorf("%s sees %d places", r, n)
		}
	}
}
