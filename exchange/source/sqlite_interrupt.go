package source

import (
	"context"
	"database/sql/driver"
	"reflect"
	"sync"
	"time"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// The driver heeds a context only until the first row; a scan that looks long for its next row would go on. The
// handle of the database is read from the driver's connection to interrupt it, as the driver itself does. A driver
// that hides it elsewhere makes cancelling slow, not wrong; TestSQLiteInterrupts would tell.

// handle is the sqlite3* of a connection, 0 if it can't be found.
func handle(c driver.Conn) uintptr {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return 0
	}
	f := v.Elem().FieldByName("db")
	if !f.IsValid() || f.Kind() != reflect.Uintptr {
		return 0
	}
	return uintptr(f.Uint())
}

// watch interrupts the connection when ctx ends. It gives the context for the driver, and the function that ends the
// watch: after it, no interrupt comes.
//
// The driver's own watch costs a goroutine and a progress handler per query; ours costs nothing until ctx ends.
// SQLite forgets an interrupt that comes before a statement runs, so it is repeated until the watch ends.
func (c *sqliteConn) watch(ctx context.Context) (inner context.Context, end func()) {
	if c.handle == 0 || ctx.Done() == nil {
		return ctx, func() {}
	}
	over := make(chan struct{})
	var mu sync.Mutex // held while an interrupt is sent
	stop := context.AfterFunc(ctx, func() {
		tls := libc.NewTLS()
		defer tls.Close()
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for {
			mu.Lock()
			select {
			case <-over:
				mu.Unlock()
				return
			default:
			}
			lib.Xsqlite3_interrupt(tls, c.handle)
			mu.Unlock()
			select {
			case <-over:
				return
			case <-again.C:
			}
		}
	})
	return context.WithoutCancel(ctx), func() {
		if !stop() {
			mu.Lock()
			close(over)
			mu.Unlock()
		}
	}
}
