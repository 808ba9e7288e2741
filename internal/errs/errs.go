// Package errs is the one error type of Kuayu.
//
// An error has a kind, a stable code, a safe message in both languages, the hidden cause, and the place where
// it arose (node and hop). Kinds become an HTTP status, an exit code and a protocol error in exactly one place
// each (httpx.WriteError, cmd/cli). The cause is for the log of the node alone; it never leaves.
package errs

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Kind says what the caller can do about an error.
type Kind uint8

// The kinds, ordered as they map to HTTP status codes.
const (
	Internal     Kind = iota // 500: our fault; retrying may not help
	Invalid                  // 400: correct the request
	Denied                   // 403: not permitted
	Unauthorized             // 401: sign in first
	NotFound                 // 404
	Conflict                 // 409: the state does not allow it
	Precondition             // 412: something else must happen first
	TooMany                  // 429: quota or rate
	Unavailable              // 503: try again later
)

var kindNames = [...]string{"internal", "invalid", "denied", "unauthorized", "not_found", "conflict", "precondition", "too_many", "unavailable"} //nolint:gochecknoglobals // constant table

// String returns the snake_case name of the kind as used on the wire.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// ParseKind is the inverse of Kind.String; unknown words become Internal.
func ParseKind(s string) Kind {
	for i, n := range kindNames {
		if n == s {
			return Kind(i)
		}
	}
	return Internal
}

// Def is the definition of an error: declared once per code as a package variable named Err….
// It is itself an error, so errors.Is(err, ErrX) works on everything made from it.
type Def struct {
	Kind   Kind
	Code   string // dotted, "package.what", stable
	Zh, En string // safe messages that say what to do; may hold %v verbs filled by With
}

// Define declares an error. docs/errors.md is generated from these calls; a test refuses duplicate codes.
func Define(kind Kind, code, zh, en string) *Def {
	return &Def{Kind: kind, Code: code, Zh: zh, En: en}
}

// Error implements error; it is the English message without arguments.
func (d *Def) Error() string { return d.Code + ": " + d.En }

// With makes an Error, filling the verbs of both messages with args.
func (d *Def) With(args ...any) *Error {
	e := &Error{def: d, Kind: d.Kind, Code: d.Code, Zh: d.Zh, En: d.En}
	if len(args) > 0 {
		e.Zh, e.En = fmt.Sprintf(d.Zh, args...), fmt.Sprintf(d.En, args...)
	}
	return e
}

// Because makes an Error with a hidden cause.
func (d *Def) Because(cause error, args ...any) *Error {
	e := d.With(args...)
	e.Cause = cause
	return e
}

// Error is an instance of a Def.
type Error struct {
	def    *Def
	Kind   Kind
	Code   string
	Zh, En string
	Fields []Field       // what is wrong with which field, for forms and API clients
	Node   string        // which node failed, empty for this one
	Hop    string        // which hop failed: consumer, provider, source …
	Cause  error         // never shown to callers
	After  time.Duration // when to try again, if that is known: of kinds TooMany and Unavailable
}

// Field is one complaint about one input field.
type Field struct {
	Name string `json:"name"`
	Zh   string `json:"zh"`
	En   string `json:"en"`
}

// Error is for logs: code, message and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code)
	b.WriteString(": ")
	b.WriteString(e.En)
	for _, f := range e.Fields {
		b.WriteString("; " + f.Name + ": " + f.En)
	}
	if e.Node != "" || e.Hop != "" {
		b.WriteString(" [" + e.Node + " " + e.Hop + "]")
	}
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is matches the definition and other errors of the same code.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case *Def:
		return e.Code == t.Code
	case *Error:
		return e.Code == t.Code
	}
	return false
}

// Message returns the safe message in the language: "zh" or anything else for English.
func (e *Error) Message(lang string) string {
	if lang == "zh" {
		return e.Zh
	}
	return e.En
}

// At returns a copy that names the node and hop, unless they are named already.
func (e *Error) At(node, hop string) *Error {
	c := *e
	if c.Node == "" {
		c.Node, c.Hop = node, hop
	}
	return &c
}

// RetryAfter returns a copy that says when to try again.
func (e *Error) RetryAfter(d time.Duration) *Error {
	c := *e
	c.After = d
	return &c
}

// WithFields returns a copy with field complaints.
func (e *Error) WithFields(f ...Field) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), c.Fields...), f...)
	return &c
}

// ErrInternal is what everything unknown becomes at a border.
var ErrInternal = Define(Internal, "internal", "系统内部错误，请稍后重试；如仍失败，请把请求编号告诉运维人员。", "Internal error. Try again; if it persists, give the request id to the operator of this node.")

// ErrUnavailable is what becomes of an error of the machine below: no space, no file handles, no database.
var ErrUnavailable = Define(Unavailable, "unavailable", "本节点的磁盘、文件句柄或数据库暂时不可用，操作未完成；恢复后请重试。", "The disk, the file handles or the database of this node are not available right now and nothing was done. Try again when they are.")

// As returns err as an *Error; an unknown error becomes ErrInternal with err as its hidden cause, one of the machine below
// ErrUnavailable; nil stays nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var d *Def
	if errors.As(err, &d) {
		return d.With()
	}
	if Passing(err) {
		return ErrUnavailable.Because(err)
	}
	return ErrInternal.Because(err)
}

// Passing reports whether an error is of the machine below and may pass by itself: space, handles, connections, a database
// that stops. Databases say so by the class of their code (PostgreSQL, appendix A; SQLite, result codes).
func Passing(err error) bool {
	for _, x := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.EIO, syscall.EROFS, syscall.ECONNREFUSED, syscall.ECONNRESET,
		syscall.EPIPE, syscall.ETIMEDOUT, driver.ErrBadConn, sql.ErrConnDone, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, x) {
			return true
		}
	}
	var network net.Error
	if errors.As(err, &network) && !errors.Is(err, context.Canceled) {
		return true
	}
	var pg interface{ SQLState() string }
	if errors.As(err, &pg) {
		switch class := pg.SQLState(); {
		case strings.HasPrefix(class, "08"), strings.HasPrefix(class, "53"), strings.HasPrefix(class, "57P"), strings.HasPrefix(class, "58"):
			return true
		}
		return false
	}
	var lite interface {
		error
		Code() int
	}
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case 5, 6, 10, 13, 14: // busy, locked, I/O, full, can't open
			return true
		}
	}
	return false
}

// FromWire rebuilds an error another node reported. Its text is taken as given; the kind bounds what it can cause here.
func FromWire(kind, code, zh, en, node, hop string) *Error {
	return &Error{Kind: ParseKind(kind), Code: code, Zh: zh, En: en, Node: node, Hop: hop}
}
