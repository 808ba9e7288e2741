// Package supervise keeps the background tasks of a node running: what fails is started again after a growing pause, and
// its state can be read by whoever looks after the node. A task that must not go on says so with Fatal.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"time"
)

// The pauses before a task is started again: doubled each time, and short again once it ran for steady.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
	steady       = time.Minute
	// settled is how long a task runs after a failure before it counts as up.
	settled = 3 * time.Second
	// Persistent is how many failures in a row make a trouble that somebody should hear of.
	Persistent = 5
)

// State is how a task is.
type State struct {
	Name     string    `json:"name"`
	Up       bool      `json:"up"`
	Restarts int       `json:"restarts"` // since the node started
	InARow   int       `json:"in_a_row"` // failures since it last ran well
	Since    time.Time `json:"since"`    // when it last failed; zero: never
	Error    string    `json:"error,omitempty"`
}

// Supervisor runs tasks. Create it with New.
type Supervisor struct {
	log *slog.Logger
	// Failed, if not nil, hears of each failure. Set it before Run.
	Failed func(ctx context.Context, s State)

	mu    sync.Mutex
	tasks map[string]*task
}

type task struct {
	State
	started time.Time // zero: it waits to be started again
}

// New makes a supervisor; it starts nothing.
func New(log *slog.Logger) *Supervisor { return &Supervisor{log: log, tasks: map[string]*task{}} }

type fatalError struct{ cause error }

func (e fatalError) Error() string { return e.cause.Error() }
func (e fatalError) Unwrap() error { return e.cause }

// Fatal marks an error after which a task must not be started again: it ends the node.
func Fatal(err error) error {
	if err == nil {
		return nil
	}
	return fatalError{err}
}

// Run runs f under a name until ctx ends, f returns nil, or it returns a Fatal error, which Run returns. A panic of f is an
// error like any other.
func (s *Supervisor) Run(ctx context.Context, name string, f func(context.Context) error) error {
	t := &task{State: State{Name: name, Up: true}}
	s.mu.Lock()
	s.tasks[name] = t
	s.mu.Unlock()
	pause := firstPause
	for {
		started := time.Now()
		s.mu.Lock()
		t.started = started
		s.mu.Unlock()
		err := contained(ctx, f)
		var fatal fatalError
		switch {
		case errors.As(err, &fatal):
			s.fail(ctx, t, err)
			return err
		case err == nil, ctx.Err() != nil:
			s.mu.Lock()
			delete(s.tasks, name)
			s.mu.Unlock()
			return nil //nolint:nilerr // the end of ctx is no failure of the task
		}
		if time.Since(started) > steady {
			pause = firstPause
			s.mu.Lock()
			t.InARow = 0
			s.mu.Unlock()
		}
		s.fail(ctx, t, err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		pause = min(2*pause, longestPause)
	}
}

func (s *Supervisor) fail(ctx context.Context, t *task, err error) {
	s.mu.Lock()
	t.Up, t.started, t.Since, t.Error = false, time.Time{}, time.Now().UTC(), err.Error()
	t.Error, _, _ = strings.Cut(t.Error, "\n") // without the stack of a panic
	t.Restarts++
	t.InARow++
	now := t.State
	s.mu.Unlock()
	s.log.ErrorContext(ctx, "background task failed", "task", now.Name, "in_a_row", now.InARow, "error", err)
	if s.Failed != nil {
		s.Failed(ctx, now)
	}
}

func contained(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f(ctx)
}

// States are how all tasks are, by name.
func (s *Supervisor) States() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]State, 0, len(s.tasks))
	for _, t := range s.tasks {
		if !t.Up && !t.started.IsZero() && time.Since(t.started) > settled {
			t.Up, t.InARow = true, 0
		}
		out = append(out, t.State)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
