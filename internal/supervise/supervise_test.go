package supervise

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A task that fails, by error or by panic, is started again, later each time; what it is like is seen meanwhile.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(slog.New(slog.DiscardHandler))
		var heard []State
		s.Failed = func(_ context.Context, x State) { heard = append(heard, x) }
		ctx, cancel := context.WithCancel(t.Context())
		var starts []time.Duration
		begun := time.Now()
		done := make(chan error, 1)
		go func() {
			done <- s.Run(ctx, "work", func(ctx context.Context) error {
				starts = append(starts, time.Since(begun))
				switch n := len(starts); {
				case n == 2:
					panic("at the disco")
				case n <= 4:
					return errors.New("no space")
				}
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		time.Sleep(time.Second)
		st := s.States()
		if len(st) != 1 || st[0].Up || st[0].Restarts != 4 || st[0].Error != "no space" {
			t.Errorf("while it fails: %+v", st)
		}
		time.Sleep(time.Minute)
		if st = s.States(); len(st) != 1 || !st[0].Up || st[0].Restarts != 4 || st[0].InARow != 0 {
			t.Errorf("when it runs: %+v", st)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond, 1500 * time.Millisecond}
		for i := range want {
			if i >= len(starts) || starts[i] != want[i] {
				t.Fatalf("starts at %v, want %v", starts, want)
			}
		}
		if len(heard) != 4 || heard[3].InARow != 4 || !strings.HasPrefix(heard[1].Error, "panic: at the disco") {
			t.Errorf("heard %+v", heard)
		}
	})
}

func TestFatal(t *testing.T) {
	s := New(slog.New(slog.DiscardHandler))
	cause := errors.New("contradiction")
	if err := s.Run(t.Context(), "work", func(context.Context) error { return Fatal(cause) }); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if err := s.Run(t.Context(), "done", func(context.Context) error { return nil }); err != nil {
		t.Errorf("%v", err)
	}
	if Fatal(nil) != nil {
		t.Error("no error is fatal")
	}
}
