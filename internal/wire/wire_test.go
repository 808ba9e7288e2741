package wire

import (
	"errors"
	"testing"

	"github.com/kuayu/kuayu/internal/errs"
)

type greeting struct {
	V    int    `json:"v"`
	Text string `json:"text"`
}

func TestDecode(t *testing.T) {
	for body, want := range map[string]string{
		`{"v":1,"text":"x"}`:                 "",
		`{"v":1,"text":"x","more":1}`:        "http.body",
		`{"v":2,"text":"x","more":1}`:        "",
		`{"v":2,"text":7}`:                   "wire.newer",
		`{"text":"x"}`:                       "wire.version",
		`{"v":0,"text":"x"}`:                 "wire.version",
		`{"v":1,"text":"x"} {}`:              "http.body",
		`{"v":2,"text":"x"} {}`:              "http.body",
		"{\"v\":1,\"text\":\"\xff\"}":        "http.utf8",
		"{\"v\":2,\"text\":\"\xff\"}":        "http.utf8",
		`{"v":2,"text":"a\u0000b"}`:          "text.control",
		`[]`:                                 "http.body",
		``:                                   "http.body",
		`{"v":1e999,"text":"x"}`:             "http.body",
		`{"v":99999999999999999999,"a":"x"}`: "http.body",
	} {
		var g greeting
		err := Decode([]byte(body), 1, &g)
		got := ""
		if err != nil {
			got = errs.As(err).Code
		}
		if got != want || (err == nil && g.Text != "x") {
			t.Errorf("%s: %q %v, want %q", body, got, err, want)
		}
	}
	if err := Decode([]byte(`{}`), 1, &greeting{}); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"v":2,"text":"x","more":1}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _ = Decode(b, 1, &greeting{}) })
}
