package source

import (
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
)

// reader turns a pull function into the RecordReader every source gives.
type reader struct {
	refs   atomic.Int64
	schema *arrow.Schema
	cur    arrow.RecordBatch
	err    error
	last   string
	done   bool
	next   func() (rec arrow.RecordBatch, last string, err error) // nil record at the end
	stop   func()                                                 // called once, at the end, on an error or on release
}

func newReader(s *arrow.Schema, next func() (arrow.RecordBatch, string, error), stop func()) *reader {
	r := &reader{schema: s, next: next, stop: stop}
	r.refs.Store(1)
	return r
}

func (r *reader) Retain() { r.refs.Add(1) }

func (r *reader) Release() {
	if r.refs.Add(-1) == 0 {
		r.drop()
		r.end()
	}
}

func (r *reader) drop() {
	if r.cur != nil {
		r.cur.Release()
		r.cur = nil
	}
}

func (r *reader) end() {
	if !r.done {
		r.done = true
		r.stop()
	}
}

func (r *reader) Schema() *arrow.Schema { return r.schema }

// Next gives the next batch; false at the end and on an error, which Err tells.
func (r *reader) Next() bool {
	r.drop()
	if r.done || r.err != nil {
		return false
	}
	rec, last, err := r.next()
	if err != nil {
		r.err = err
		r.end()
		return false
	}
	if rec == nil {
		r.end()
		return false
	}
	r.cur = rec
	if last != "" {
		r.last = last
	}
	return true
}

func (r *reader) RecordBatch() arrow.RecordBatch { return r.cur }

func (r *reader) Record() arrow.RecordBatch { return r.cur }

func (r *reader) Err() error { return r.err }

// LastKey implements Keyed.
func (r *reader) LastKey() string { return r.last }
