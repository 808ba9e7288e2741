package seal

import (
	"encoding/binary"
	"slices"
	"time"
)

// MaxBatch bounds the facts of a batch so that a log entry stays below the 64 KiB of the tlog-tiles format.
const MaxBatch = 1500

// entryMagic begins every signed batch header; the digit is the version of the entry format.
const entryMagic = "kuayu-batch/1\n"

// Header is the signed description of a batch. Prev links each batch to the root before it, so that the order of a
// node's batches is signed too, independently of the transparency log.
type Header struct {
	Suite  Suite
	Log    Log
	Number uint64 // 0 for the first batch of an epoch
	Time   time.Time
	Count  uint32
	Prev   Hash // root of batch Number-1; zero for the first
}

// Encode appends the canonical bytes of the header.
func (h *Header) Encode(b []byte) []byte {
	b = append(b, entryMagic...)
	b = append(b, byte(h.Suite))
	b = appendStr(b, h.Log.Node)
	b = appendStr(b, h.Log.Instance)
	b = binary.BigEndian.AppendUint32(b, h.Log.Epoch)
	b = binary.BigEndian.AppendUint64(b, h.Number)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Time.UnixMicro()))
	b = binary.BigEndian.AppendUint32(b, h.Count)
	return append(b, h.Prev[:]...)
}

func (r *reader) header() Header {
	var h Header
	if string(r.take(len(entryMagic))) != entryMagic && r.err == nil {
		r.err = ErrMalformed.With("not a batch header of version 1")
	}
	h.Suite = Suite(r.u8())
	h.Log.Node = r.str()
	h.Log.Instance = r.str()
	h.Log.Epoch = r.u32()
	h.Number = r.u64()
	h.Time = time.UnixMicro(int64(r.u64())).UTC() //nolint:gosec // round trip
	h.Count = r.u32()
	r.hash(&h.Prev)
	if r.err == nil && (!h.Suite.Valid() || h.Count == 0 || h.Count > MaxBatch) {
		r.err = ErrMalformed.With("suite or count out of range")
	}
	return h
}

// Entry is a batch as the public log shows it: header, signature, commitments.
type Entry struct {
	Header      Header
	Signature   []byte
	Commitments []Hash
}

// NewEntry builds and signs the entry of a batch. It returns the tree for the paths of its facts.
func NewEntry(k *PrivateKey, h Header, commitments []Hash) (*Entry, *Tree, error) {
	h.Suite, h.Count = k.suite, uint32(len(commitments)) //nolint:gosec // bounded by MaxBatch
	t := NewTree(h.Suite, commitments)
	root := t.Root()
	sig, err := k.Sign(signedBytes(&h, root))
	if err != nil {
		return nil, nil, err
	}
	return &Entry{Header: h, Signature: sig, Commitments: commitments}, t, nil
}

func signedBytes(h *Header, root Hash) []byte {
	return append(h.Encode(make([]byte, 0, 256)), root[:]...)
}

// Encode appends the bytes of the log entry.
func (e *Entry) Encode(b []byte) []byte {
	b = e.Header.Encode(b)
	b = appendStr(b, string(e.Signature))
	for i := range e.Commitments {
		b = append(b, e.Commitments[i][:]...)
	}
	return b
}

// DecodeEntry reads exactly one entry.
func DecodeEntry(b []byte) (*Entry, error) {
	r := reader{b: b}
	e := &Entry{Header: r.header()}
	e.Signature = []byte(r.str())
	if r.err != nil {
		return nil, r.err
	}
	if len(r.b) != int(e.Header.Count)*HashSize {
		return nil, ErrMalformed.With("commitments do not match the count")
	}
	e.Commitments = make([]Hash, e.Header.Count)
	for i := range e.Commitments {
		r.hash(&e.Commitments[i])
	}
	return e, r.end()
}

// Root recomputes the batch root.
func (e *Entry) Root() Hash { return NewTree(e.Header.Suite, e.Commitments).Root() }

// Verify checks the signature over header and recomputed root.
func (e *Entry) Verify(k PublicKey) error {
	if k.Suite != e.Header.Suite || !k.Verify(signedBytes(&e.Header, e.Root()), e.Signature) {
		return ErrForged.With()
	}
	return nil
}

// Sealed is a fact with what proves it: shown to whom it concerns, checked by anyone who has the node's key.
// It does not contain the body.
type Sealed struct {
	Fact      []byte // canonical bytes
	Salt      Hash
	Header    Header
	Signature []byte
	Index     uint32 // of the fact in its batch
	Path      []Hash
}

// Encode appends the wire form.
func (s *Sealed) Encode(b []byte) []byte {
	b = slices.Grow(b, len(s.Fact)+len(s.Signature)+len(s.Path)*HashSize+len(s.Header.Log.Node)+len(s.Header.Log.Instance)+sealedRoom)
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.Fact))) //nolint:gosec // bounded by Fact.Check
	b = append(b, s.Fact...)
	b = append(b, s.Salt[:]...)
	b = s.Header.Encode(b)
	b = appendStr(b, string(s.Signature))
	b = binary.BigEndian.AppendUint32(b, s.Index)
	b = append(b, byte(len(s.Path))) //nolint:gosec // a path has at most 32 hashes
	for i := range s.Path {
		b = append(b, s.Path[i][:]...)
	}
	return b
}

// maxFactBytes bounds an encoded fact.
const maxFactBytes = MaxHeader + 8*MaxField

// sealedRoom is at least what an encoded sealed fact takes besides its parts of varying length.
const sealedRoom = 192

// DecodeSealed reads exactly one sealed fact, which keeps parts of b.
func DecodeSealed(b []byte) (*Sealed, error) {
	r := reader{b: b}
	s := &Sealed{}
	n := r.u32()
	if n > maxFactBytes {
		return nil, ErrMalformed.With("fact too long")
	}
	s.Fact = r.take(int(n))
	s.Fact = s.Fact[:len(s.Fact):len(s.Fact)]
	r.hash(&s.Salt)
	s.Header = r.header()
	s.Signature = r.bytes(MaxField)
	s.Index = r.u32()
	k := int(r.u8())
	if k > 16 {
		return nil, ErrMalformed.With("path too long")
	}
	if r.err == nil {
		s.Path = make([]Hash, k)
		for i := range s.Path {
			r.hash(&s.Path[i])
		}
	}
	return s, r.end()
}

// Root recomputes the batch root this seal claims.
func (s *Sealed) Root() (Hash, error) {
	c := s.Header.Suite.Commit(s.Salt, s.Fact)
	root, ok := s.Header.Suite.RootFrom(c, int(s.Index), int(s.Header.Count), s.Path)
	if !ok {
		return Hash{}, ErrMalformed.With("path does not fit the batch")
	}
	return root, nil
}

// Open decodes the fact and checks path and signature under k, and that fact and batch agree on log and suite.
// cache may be nil.
func (s *Sealed) Open(k PublicKey, cache *RootCache) (Fact, error) {
	f, err := DecodeFact(s.Fact)
	if err != nil {
		return Fact{}, err
	}
	if f.Log != s.Header.Log || f.Suite != s.Header.Suite || k.Suite != f.Suite {
		return Fact{}, ErrForged.With()
	}
	root, err := s.Root()
	if err != nil {
		return Fact{}, err
	}
	msg := signedBytes(&s.Header, root)
	if cache.seen(k, msg, s.Signature) {
		return f, nil
	}
	if !k.Verify(msg, s.Signature) {
		return Fact{}, ErrForged.With()
	}
	cache.add(k, msg, s.Signature)
	return f, nil
}
