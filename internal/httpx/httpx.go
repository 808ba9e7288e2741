// Package httpx is how bytes enter and leave over HTTP: bounded strict decoding, problem details (RFC 9457), one place
// where an error becomes a response, request identifiers, and listeners with sane limits.
package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/text"
)

// The errors of this package.
var (
	ErrBody     = errs.Define(errs.Invalid, "http.body", "内容不是合格的 JSON：%[2]v。", "The content is not acceptable JSON: %[1]v.")
	ErrTooLarge = errs.Define(errs.Invalid, "http.too_large", "请求正文超过 %d 字节的上限。", "The request body is over the limit of %d bytes.")
	ErrUTF8     = errs.Define(errs.Invalid, "http.utf8", "请求正文不是 UTF-8 编码，请转换编码后重发。", "The request body is not UTF-8; convert it and send it again.")
	ErrRoute    = errs.Define(errs.NotFound, "http.route", "没有这个地址。接口清单见 /api/v1/openapi.json。", "There is nothing at this address. See /api/v1/openapi.json for what there is.")
	ErrMethod   = errs.Define(errs.Invalid, "http.method", "此地址不支持该请求方法。", "This address does not support that method.")
)

// Status is the one mapping of error kinds to HTTP status codes.
func Status(k errs.Kind) int {
	switch k {
	case errs.Invalid:
		return http.StatusBadRequest
	case errs.Denied:
		return http.StatusForbidden
	case errs.Unauthorized:
		return http.StatusUnauthorized
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.Precondition:
		return http.StatusPreconditionFailed
	case errs.TooMany:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	case errs.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// Problem is the body of an error response (RFC 9457) with Kuayu's members. Both languages travel, so that a node can
// pass another node's error on to its own users.
type Problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"` // in the caller's language
	Status    int          `json:"status"`
	Code      string       `json:"code"`
	Kind      string       `json:"kind"`
	Zh        string       `json:"zh"`
	En        string       `json:"en"`
	Fields    []errs.Field `json:"fields,omitempty"`
	Node      string       `json:"node,omitempty"`
	Hop       string       `json:"hop,omitempty"`
	RequestID string       `json:"request_id,omitempty"`
}

// WriteError writes err as a problem; causes stay in the log.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	e := errs.As(err)
	if e.Kind == errs.Internal || e.Kind == errs.Unavailable {
		Logger(r.Context()).ErrorContext(r.Context(), "request failed", "code", e.Code, "error", e, "path", r.URL.Path)
	}
	status, b := ProblemOf(r.Context(), Lang(r), e)
	h := w.Header()
	h.Set("Content-Type", MediaProblem)
	h.Set("Content-Language", Lang(r))
	RetryAfter(h, e)
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// RetryAfter says when to try again what may succeed then.
func RetryAfter(h http.Header, e *errs.Error) {
	if e.Kind == errs.Unavailable || e.Kind == errs.TooMany {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.After.Seconds())))))
	}
}

// MediaProblem is the media type of a problem (RFC 9457).
const MediaProblem = "application/problem+json"

// ProblemOf is the status and the body of the answer that an error becomes, in lang; causes are not in it.
func ProblemOf(ctx context.Context, lang string, err error) (status int, body []byte) {
	e := errs.As(err)
	p := Problem{
		Type: "about:blank", Title: e.Message(lang), Status: Status(e.Kind), Code: e.Code, Kind: e.Kind.String(),
		Zh: e.Zh, En: e.En, Fields: e.Fields, Node: e.Node, Hop: e.Hop, RequestID: RequestID(ctx),
	}
	b, merr := json.Marshal(p)
	if merr != nil {
		b = []byte(`{"status":500,"code":"internal"}`)
	}
	return p.Status, b
}

// ReadProblem turns another node's error response into an error again. The kind follows the status line.
func ReadProblem(status int, body []byte, node, hop string) error {
	var p Problem
	if json.Unmarshal(body, &p) != nil || p.Code == "" || !utf8.Valid(body) {
		k := errs.Unavailable
		if status < 500 {
			k = errs.Denied
		}
		return errs.FromWire(k.String(), "peer.unreadable", "对方节点返回了无法识别的错误。", "The other node answered with an error this node cannot read.", node, hop)
	}
	if p.Node != "" {
		node, hop = p.Node, p.Hop
	}
	e := errs.FromWire(p.Kind, p.Code, clip(p.Zh), clip(p.En), node, hop)
	if e.Kind == errs.Internal {
		e.Kind = errs.Unavailable // its fault, not ours
	}
	if e.Kind == errs.Unauthorized {
		e.Kind = errs.Denied // our user is signed in; the nodes are not agreed
	}
	return e
}

func clip(s string) string {
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}

// Lang is "zh" unless the caller prefers English.
func Lang(r *http.Request) string {
	al := r.Header.Get("Accept-Language")
	if i := strings.IndexAny(al, ",;"); i >= 0 {
		al = al[:i]
	}
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(al)), "en") {
		return "en"
	}
	return "zh"
}

// firstBuffer is what is set aside for a body before any of it came, in bytes.
const firstBuffer = 16 << 10

// ReadBody reads at most limit bytes of the body; ErrTooLarge beyond.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, ErrTooLarge.With(limit)
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 { // as it comes: what a caller says it will send is no reason to set memory aside
		buf.Grow(int(min(r.ContentLength, firstBuffer)) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1)); err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return nil, ErrTooLarge.Because(err, long.Limit)
		}
		return nil, ErrBody.Because(err, "the body broke off", "正文传输中断")
	}
	if int64(buf.Len()) > limit {
		return nil, ErrTooLarge.With(limit)
	}
	return buf.Bytes(), nil
}

// Decode reads exactly one JSON value into v: bounded, valid UTF-8, no unknown members, nothing after it.
func Decode(r *http.Request, limit int64, v any) error {
	b, err := ReadBody(r, limit)
	if err != nil {
		return err
	}
	return Unmarshal(b, v)
}

// Unmarshal is Decode on bytes.
func Unmarshal(b []byte, v any) error {
	if err := CheckJSON(b); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		var own *errs.Error
		if errors.As(err, &own) {
			return own
		}
		en, zh := explain(err)
		return ErrBody.Because(err, en, zh)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ErrBody.With("something follows the first value", "第一个值之后还有多余内容")
	}
	return nil
}

// CheckJSON checks the text of a JSON body before somebody decodes it: valid UTF-8, no control characters, no half
// surrogate pairs. Line breaks and tabs are text.
func CheckJSON(b []byte) error {
	if !utf8.Valid(b) {
		return ErrUTF8.With()
	}
	return text.Escaped(nameBody(), b, true)
}

func explain(err error) (en, zh string) {
	var syn *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &typ) && typ.Field != "":
		return "member " + typ.Field + " has the wrong type", "成员 " + typ.Field + " 的类型不对"
	case errors.As(err, &typ):
		return "its outermost value has the wrong type", "最外层的类型不对"
	case errors.As(err, &syn):
		n := strconv.FormatInt(syn.Offset, 10)
		return "syntax error at byte " + n, "第 " + n + " 字节处有语法错误"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it is empty or incomplete", "为空或不完整"
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.TrimPrefix(err.Error(), "json: unknown field ")
		return "unknown member " + clip(name), "未知成员 " + clip(name)
	}
	return "a value is out of range", "有的值超出范围"
}

// WriteJSON writes v with the status.
func WriteJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		WriteError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

type ctxKey int

const (
	keyRequestID ctxKey = iota
	keyLogger
)

// RequestID is the identifier that follows a request across nodes.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(keyRequestID).(string)
	return id
}

// Logger returns the logger of the request or the default one.
func Logger(ctx context.Context) *slog.Logger {
	if l, ok := ctx.Value(keyLogger).(*slog.Logger); ok {
		return l
	}
	return slog.Default()
}

// WithRequest is ctx for the request that another node calls id; one that is no identifier is replaced.
func WithRequest(ctx context.Context, id string) context.Context {
	if !ids.Valid(id) {
		id = ids.Random{}.NewID()
	}
	return context.WithValue(ctx, keyRequestID, id)
}

// HeaderRequestID carries the request identifier between nodes.
const HeaderRequestID = "X-Request-Id"

// Wrap adds request identifiers, the logger, the check of CheckText, and a net for panics. trust says whether the caller may name the request
// (peers may, strangers may not). refused hears of each request whose text is refused.
func Wrap(h http.Handler, log *slog.Logger, trust bool, refused ...func(reason string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ""
		if trust {
			if v := r.Header.Get(HeaderRequestID); ids.Valid(v) {
				id = v
			}
		}
		if id == "" {
			id = ids.Random{}.NewID()
		}
		ctx := context.WithValue(r.Context(), keyRequestID, id)
		ctx = context.WithValue(ctx, keyLogger, log)
		r = r.WithContext(ctx)
		w.Header().Set(HeaderRequestID, id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel, compared as net/http does
					panic(p)
				}
				log.ErrorContext(ctx, "panic", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				WriteError(w, r, errs.ErrInternal.With())
			}
		}()
		if err := CheckText(r); err != nil {
			for _, f := range refused {
				f(ReasonText)
			}
			WriteError(w, r, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// NewServer returns a server with the limits every listener of a node has.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
