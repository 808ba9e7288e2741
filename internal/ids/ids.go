// Package ids makes identifiers. They come in as values (invariant 8): whoever needs one is given a Source.
package ids

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/google/uuid"
)

// Source makes new identifiers.
type Source interface {
	// NewID returns a time-ordered UUID (RFC 9562 version 7) as text.
	NewID() string
}

// Random is the Source of a running node.
type Random struct{}

// NewID returns a UUID version 7. It panics only if the system has no randomness, in which case nothing is safe.
func (Random) NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Token returns n random bytes in hexadecimal, for secrets.
func Token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24: it crashes the program instead
	return hex.EncodeToString(b)
}

// Valid reports whether s is a UUID in canonical text form.
func Valid(s string) bool {
	if len(s) != 36 {
		return false
	}
	_, err := uuid.Parse(s)
	return err == nil
}
