package source

import (
	"context"
	"database/sql/driver"
	"reflect"
	"sync"

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

// watch interrupts the connection when ctx ends. The function it gives ends the watch: after it, no interrupt comes.
func (c *sqliteConn) watch(ctx context.Context) func() {
	if c.handle == 0 || ctx.Done() == nil {
		return func() {}
	}
	var mu sync.Mutex
	over := false
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return
		}
		tls := libc.NewTLS()
		defer tls.Close()
		lib.Xsqlite3_interrupt(tls, c.handle)
	})
	return func() {
		if stop() {
			return
		}
		mu.Lock()
		over = true
		mu.Unlock()
	}
}
