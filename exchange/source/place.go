package source

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// rowOfFile is the rowKey of files.
const rowOfFile = "#"

// place is where a row of a file lies, and so where the next page begins. It holds for one version of the file alone: in
// another one the rows before it may be others.
type place struct {
	spot
	version string
}

type spot struct {
	row  int64 // records up to it, from 1
	end  int64 // offset of the byte behind it; 0 if reading can't begin there
	line int64 // lines up to end
}

func (p place) String() string {
	return fmt.Sprintf("%x.%x.%x.%s", p.row, p.end, p.line, p.version)
}

// placeOf reads a cursor; the empty one is the beginning.
func placeOf(cursor string) (place, error) {
	var p place
	if cursor == "" {
		return p, nil
	}
	parts := strings.Split(cursor, ".")
	if len(parts) != 4 {
		return p, ErrCursor.With()
	}
	for i, at := range []*int64{&p.row, &p.end, &p.line} {
		n, err := strconv.ParseInt(parts[i], 16, 64)
		if err != nil || n < 0 {
			return p, ErrCursor.With()
		}
		*at = n
	}
	p.version = parts[3]
	return p, nil
}

// versionOf tells two versions of a file apart.
func versionOf(f *os.File) (string, error) {
	fi, err := f.Stat()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x-%x", fi.Size(), fi.ModTime().UnixNano()), nil
}
