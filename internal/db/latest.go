package db

import (
	"strconv"
	"strings"
	"time"
)

// Latest is where a list that is latest first goes on: a condition on the columns updated (microseconds) and id, to be
// ordered by "updated DESC, id". An empty cursor, or one that is none, is the beginning.
func Latest(cursor string) (string, []any) {
	at, id, ok := strings.Cut(cursor, ".")
	micros, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return "1=1", nil
	}
	return "(updated < ? OR (updated = ? AND id > ?))", []any{micros, micros, id}
}

// LatestAfter is the cursor behind a line of such a list.
func LatestAfter(updated time.Time, id string) string {
	return strconv.FormatInt(updated.UnixMicro(), 10) + "." + id
}
