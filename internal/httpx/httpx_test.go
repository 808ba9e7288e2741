package httpx

import (
	"errors"
	"strings"
	"testing"
)

// Unmarshal takes exactly one value, whole, and says in words what is wrong with any other.
func TestUnmarshal(t *testing.T) {
	for text, zh := range map[string]string{
		`{"name":"甲","inner":{"n":1}}`:   "",
		`{"name":"a\\u0000b"}`:           "", // a backslash, and no NUL
		`{"name":"a\u0000b"}`:            "U+0000",
		`{"name":"a\\\u0000b"}`:          "U+0000",
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
