package db

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Unfit reports whether a database refused a statement for what it holds, and will refuse it for ever: a text that is none,
// a value out of range, a constraint. What else fails (no space, no connection, a lock) may succeed the next time.
func Unfit(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:min(2, len(pg.Code))] {
		case "22", "23", "54": // data, integrity, limits (PostgreSQL, appendix A)
			return true
		}
		return false
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_ERROR: // of its many meanings the one that is a text's fault
			return strings.Contains(lite.Error(), "unrecognized token")
		case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
			return true
		}
	}
	return false
}
