package rest

import (
	"encoding/json"
	"testing"
)

func TestPage(t *testing.T) {
	for want, p := range map[string]*Page[string]{
		`{"items":[]}`:                   {},
		`{"items":["a"]}`:                {Items: []string{"a"}},
		`{"items":["a","b"],"next":"b"}`: {Items: []string{"a", "b"}, Next: "b"},
	} {
		if b, err := json.Marshal(p); err != nil || string(b) != want {
			t.Errorf("%s %v, want %s", b, err, want)
		}
	}
}
