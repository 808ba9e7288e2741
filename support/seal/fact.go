package seal

import (
	"encoding/binary"
	"time"
)

// Version is the fact format written by this program. Readers accept it and refuse newer ones by name.
const Version = 1

// Bounds of a fact, in bytes. A decoder refuses anything larger before allocating.
const (
	MaxField  = 1 << 10
	MaxHeader = 8 << 10
	MaxBody   = 4 << 20
)

// Log names the log a fact belongs to: the member, one of its running instances, and the epoch of that
// instance's log (a restore from backup starts a new epoch, so that it never looks like a fork).
type Log struct {
	Node     string `json:"node"`
	Instance string `json:"instance"`
	Epoch    uint32 `json:"epoch"`
}

// Actor is who acted. What the node verified (a session, a key) and what it merely asserts is said by the kind of the
// fact; Signature is the optional signature of the person's own key over the body.
type Actor struct {
	Department string `json:"department,omitempty"` // USCC
	Officer    string `json:"officer,omitempty"`
	Signature  []byte `json:"signature,omitempty"`
}

// Fact is one thing a node said or did.
//
// Header is small and shown to everybody the fact is shown to; the body is private and may be withheld: the fact holds
// its salted hash only. ID is the idempotency id: the same act recorded twice has the same ID.
type Fact struct {
	Suite    Suite
	Log      Log
	Kind     string
	Time     time.Time // microseconds, UTC
	Actor    Actor
	ID       string
	Header   []byte // canonical JSON object or empty
	BodyHash Hash   // Suite.Body(bodySalt, body); zero when there is no body
}

// BodySaltSize is the length of the random salt before each body, in bytes.
const BodySaltSize = 16

// Body is the salted hash of a body. The salt keeps a short body from being guessed from its hash.
func (s Suite) Body(salt [BodySaltSize]byte, body []byte) Hash { return s.sum(tagBody, salt[:], body) }

// Commit is the commitment of an encoded fact under its random salt.
func (s Suite) Commit(salt Hash, fact []byte) Hash { return s.sum(tagFact, salt[:], fact) }

// Encode appends the canonical bytes of the fact. There is exactly one encoding of each fact.
func (f *Fact) Encode(b []byte) []byte {
	b = append(b, Version, byte(f.Suite))
	b = appendStr(b, f.Log.Node)
	b = appendStr(b, f.Log.Instance)
	b = binary.BigEndian.AppendUint32(b, f.Log.Epoch)
	b = appendStr(b, f.Kind)
	b = binary.BigEndian.AppendUint64(b, uint64(f.Time.UnixMicro()))
	b = appendStr(b, f.Actor.Department)
	b = appendStr(b, f.Actor.Officer)
	b = appendStr(b, string(f.Actor.Signature))
	b = appendStr(b, f.ID)
	b = appendStr(b, string(f.Header))
	return append(b, f.BodyHash[:]...)
}

// DecodeFact reads exactly one encoded fact; trailing bytes, oversized fields and unknown versions are refused. The header
// and the officer's signature lie in b.
func DecodeFact(b []byte) (Fact, error) {
	var f Fact
	r := reader{b: b, text: string(b)}
	v := r.u8()
	if r.err == nil && v != Version {
		return f, ErrVersion.With(v)
	}
	f.Suite = Suite(r.u8())
	f.Log.Node = r.str()
	f.Log.Instance = r.str()
	f.Log.Epoch = r.u32()
	f.Kind = r.str()
	f.Time = time.UnixMicro(int64(r.u64())).UTC() //nolint:gosec // round trip
	f.Actor.Department = r.str()
	f.Actor.Officer = r.str()
	f.Actor.Signature = r.bytes(MaxField)
	f.ID = r.str()
	f.Header = r.bytes(MaxHeader)
	r.hash(&f.BodyHash)
	if err := r.end(); err != nil {
		return Fact{}, err
	}
	if !f.Suite.Valid() {
		return Fact{}, ErrSuite.With(f.Suite.String())
	}
	return f, nil
}

func appendStr(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s))) //nolint:gosec // bounded by Check before encoding
	return append(b, s...)
}

// Check refuses facts that could not be encoded or decoded again.
func (f *Fact) Check() error {
	for _, s := range []string{f.Log.Node, f.Log.Instance, f.Kind, f.Actor.Department, f.Actor.Officer, string(f.Actor.Signature), f.ID} {
		if len(s) > MaxField {
			return ErrMalformed.With("field over 1 KiB")
		}
	}
	if len(f.Header) > MaxHeader {
		return ErrMalformed.With("header over 8 KiB")
	}
	if f.Kind == "" || f.ID == "" || f.Log.Node == "" || !f.Suite.Valid() {
		return ErrMalformed.With("kind, id, node or suite missing")
	}
	return nil
}

// reader decodes big-endian fields, remembering the first error.
type reader struct {
	b    []byte
	text string // the same bytes and those before, if texts are to be cut from one string; "" to copy each
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b) {
		r.err = ErrMalformed.With("too short")
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) u8() byte {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if p := r.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (r *reader) str() string {
	p := r.bytes(MaxField)
	if r.text == "" {
		return string(p)
	}
	at := len(r.text) - len(r.b)
	return r.text[at-len(p) : at]
}

// bytes is a field as it lies in b, nil if it is empty.
func (r *reader) bytes(limit int) []byte {
	n := int(r.u16())
	if n > limit && r.err == nil {
		r.err = ErrMalformed.With("field too long")
	}
	p := r.take(n)
	if len(p) == 0 {
		return nil
	}
	return p[:n:n]
}

func (r *reader) hash(h *Hash) { copy(h[:], r.take(HashSize)) }

func (r *reader) end() error {
	if r.err == nil && len(r.b) != 0 {
		return ErrMalformed.With("trailing bytes")
	}
	return r.err
}
