package errs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

type coded int

func (c coded) Error() string { return fmt.Sprint("sqlite (", int(c), ")") }
func (c coded) Code() int     { return int(c) }

type stated string

func (s stated) Error() string    { return string(s) }
func (s stated) SQLState() string { return string(s) }

// What the machine below refuses is said as such, and nothing else is.
func TestPassing(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&os.PathError{Op: "open", Path: "x", Err: syscall.ENOSPC}, true},
		{fmt.Errorf("write: %w", syscall.EMFILE), true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{coded(13), true},
		{coded(778), true}, // an I/O error of some kind
		{coded(19), false},
		{stated("57P01"), true},
		{stated("53100"), true},
		{stated("22021"), false},
		{context.Canceled, false},
		{errors.New("else"), false},
		{os.ErrNotExist, false},
	} {
		if Passing(c.err) != c.want {
			t.Errorf("%v: %v", c.err, !c.want)
		}
		want := "internal"
		if c.want {
			want = "unavailable"
		}
		if got := As(c.err).Code; got != want {
			t.Errorf("%v: %s", c.err, got)
		}
	}
}
