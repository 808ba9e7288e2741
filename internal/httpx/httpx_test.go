package httpx

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/text"
)

// Unmarshal takes exactly one value, whole, and says in words what is wrong with any other.
func TestUnmarshal(t *testing.T) {
	for text, zh := range map[string]string{
		`{"name":"甲","inner":{"n":1}}`:   "",
		`{"name":"a\\u0000b"}`:           "", // a backslash, and no NUL
		`{"name":"a\u0000b"}`:            "控制字符",
		`{"name":"a\\\u0000b"}`:          "控制字符",
		``:                               "为空或不完整",
		`{"name":`:                       "为空或不完整",
		`[]`:                             "最外层的类型不对",
		`{"name":1}`:                     "成员 name 的类型不对",
		`{"inner":{"n":"x"}}`:            "成员 inner.n 的类型不对",
		`{"other":1}`:                    "未知成员 \"other\"",
		`{"name":"a"}{}`:                 "多余内容",
		`{"name":"a",}`:                  "字节处有语法错误",
		"{\"name\":\"\xff\"}":            "UTF-8",
		`{"inner":{"n":99999999999999}}`: "inner.n",
	} {
		var v struct {
			Name  string `json:"name"`
			Inner struct {
				N int32 `json:"n"`
			} `json:"inner"`
		}
		err := Unmarshal([]byte(text), &v)
		switch {
		case zh == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case zh != "" && (err == nil || !strings.Contains(message(err), zh)):
			t.Errorf("%q: %q, want %q", text, message(err), zh)
		}
	}
}

func message(err error) string {
	var m interface{ Message(lang string) string }
	if errors.As(err, &m) {
		return m.Message("zh")
	}
	return ""
}

// FuzzUnmarshal: whatever the bytes are, they are taken or refused.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"name":"\\u0000"}`))
	f.Add([]byte(`{"name":"\u0000"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v struct {
			Name string `json:"name"`
		}
		if Unmarshal(b, &v) == nil && strings.ContainsRune(v.Name, 0) {
			t.Errorf("%q: NUL got through", b)
		}
	})
}

// What no handler may see is refused before it, with both languages.
func TestCheckText(t *testing.T) {
	for target, want := range map[string]string{
		"/a/%00":              "text.control",
		"/a/b%0Ac":            "text.control",
		"/a/%ff":              "text.encoding",
		"/a/%E7%94%B2":        "",
		"/a?q=%E7%94%B2+b":    "",
		"/a?q=%00":            "text.control",
		"/a?%1b=1":            "text.control",
		"/a?q=%ed%a0%80":      "text.encoding",
		"/a?q=%zz":            "http.query",
		"/a?a;b":              "http.query",
		"/" + long(5000):      "text.long",
		"/a?q=" + long(17000): "text.long",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		w := httptest.NewRecorder()
		reached := false
		Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }), slog.New(slog.DiscardHandler), false).ServeHTTP(w, r)
		if reached != (want == "") || !strings.Contains(w.Body.String(), want) || (want != "" && w.Code != http.StatusBadRequest) {
			t.Errorf("%.40s: %d %s, want %q", target, w.Code, w.Body, want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer \xff")
	if err := CheckText(r); !errors.Is(err, text.ErrEncoding) {
		t.Errorf("header: %v", err)
	}
}

func TestForm(t *testing.T) {
	for body, want := range map[string]error{
		"a=1&b=x%0Ay":      nil,
		"a=%00":            text.ErrControl,
		"a=%ff":            text.ErrEncoding,
		"a=%zz":            ErrBody,
		"a=" + long(1<<12): ErrTooLarge,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if _, err := Form(httptest.NewRecorder(), r, 1<<11); !errors.Is(err, want) {
			t.Errorf("%.20s: %v, want %v", body, err, want)
		}
	}
}

func long(n int) string { return strings.Repeat("a", n) }
