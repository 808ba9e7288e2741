package httpx

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/text"
)

// ErrQuery is a query that is none.
var ErrQuery = errs.Define(errs.Invalid, "http.query", "地址中的查询参数不合格式，请检查后重试。", "The query in the address is malformed; check it and try again.")

// Bounds of the texts of a request, in bytes.
const (
	maxPath   = 4 << 10
	maxPart   = text.MaxLine // of a path, between slashes: an identifier
	maxQuery  = 16 << 10
	maxHeader = 64 << 10
)

func nameBody() text.Name { return text.Name{En: "The request body", Zh: "请求正文"} }

// usedHeaders are the headers a node reads by name besides those of HTTP itself.
func usedHeaders() []string {
	return []string{"Authorization", "Accept", "Accept-Language", "Content-Type", "Origin", "Referer", "Kuayu-Seal", "Kuayu-Cosign", "Kuayu-Known-Size", HeaderRequestID}
}

// CheckText checks the text of a request outside of its body once, before anything handles it: path, query and the headers
// a node reads. Whatever a handler takes from them is valid UTF-8 without control characters.
func CheckText(r *http.Request) error {
	path := text.Name{En: "The path of the address", Zh: "地址路径"}
	if err := text.Check(path, r.URL.Path, maxPath); err != nil {
		return err
	}
	for part := range strings.SplitSeq(r.URL.EscapedPath(), "/") {
		if p, err := url.PathUnescape(part); err != nil || len(p) > maxPart {
			return text.ErrLong.With(path.En, path.Zh, maxPart)
		}
	}
	if raw := r.URL.RawQuery; raw != "" {
		name := text.Name{En: "The query of the address", Zh: "地址中的查询参数"}
		if len(raw) > maxQuery {
			return text.ErrLong.With(name.En, name.Zh, maxQuery)
		}
		q, err := url.ParseQuery(raw)
		if err != nil {
			return ErrQuery.Because(err)
		}
		if err := checkValues(name, q, maxQuery, false); err != nil {
			return err
		}
	}
	for _, h := range usedHeaders() {
		for _, v := range r.Header[h] {
			if err := text.Check(text.Name{En: "The header " + h, Zh: "请求头 " + h + " "}, v, maxHeader); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkValues(name text.Name, q url.Values, most int, block bool) error {
	check := text.Check
	if block {
		check = text.Block
	}
	for k, vs := range q {
		if err := text.Check(name, k, most); err != nil {
			return err
		}
		for _, v := range vs {
			if err := check(name, v, most); err != nil {
				return err
			}
		}
	}
	return nil
}

// Form reads an urlencoded form of at most limit bytes and checks its text, in which lines may break. A form with files is
// not read: whoever expects one reads its parts, so that nothing is ever put into temporary files.
func Form(w http.ResponseWriter, r *http.Request, limit int64) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if err := r.ParseForm(); err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return nil, ErrTooLarge.Because(err, limit)
		}
		return nil, ErrBody.Because(err, "not a form", "不是合格的表单")
	}
	return r.PostForm, CheckForm(r.PostForm)
}

// CheckForm checks the text of a form that was read some other way.
func CheckForm(f url.Values) error {
	return checkValues(text.Name{En: "A field of the form", Zh: "表单内容"}, f, MaxField, true)
}

// MaxField bounds one field of a form, in bytes.
const MaxField = 1 << 20
