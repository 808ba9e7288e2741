package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"math/big"
	"sync"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// Suite names the algorithms of a log: hash and signature together. It is written into every fact and batch, so
// that a node can change suites without invalidating what it said before.
type Suite uint8

// The suites.
const (
	Ed25519SHA256 Suite = 1 // RFC 8032, FIPS 180-4
	SM2SM3        Suite = 2 // GB/T 32918, GB/T 32905; software, not a certified module
)

// HashSize is the length of every hash here, in bytes.
const HashSize = 32

// Hash is a digest under some suite.
type Hash [HashSize]byte

// Valid reports whether the suite is known here.
func (s Suite) Valid() bool { return s == Ed25519SHA256 || s == SM2SM3 }

// String is the name used in configuration and documents.
func (s Suite) String() string {
	switch s {
	case Ed25519SHA256:
		return "ed25519-sha256"
	case SM2SM3:
		return "sm2-sm3"
	}
	return fmt.Sprintf("suite-%d", uint8(s))
}

// ParseSuite is the inverse of String.
func ParseSuite(name string) (Suite, error) {
	for _, s := range []Suite{Ed25519SHA256, SM2SM3} {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, ErrSuite.With(name)
}

// Domain separation of everything hashed here. 0 and 1 are RFC 6962's leaf and node.
const (
	tagLeaf   = 0x00
	tagNode   = 0x01
	tagFact   = 0x02
	tagBody   = 0x03
	tagObject = 0x04
)

// hashes keeps SHA-256 states, so that hashing allocates nothing.
var hashes = sync.Pool{New: func() any { return sha256.New() }} //nolint:gochecknoglobals // a pool is shared or it is none

// sum hashes a tag and up to two parts without copying long ones.
func (s Suite) sum(tag byte, a, b []byte) Hash {
	var stack [512]byte
	if s == Ed25519SHA256 && len(a)+len(b) < len(stack) {
		stack[0] = tag
		n := 1 + copy(stack[1:], a)
		n += copy(stack[n:], b)
		return sha256.Sum256(stack[:n])
	}
	if s == SM2SM3 {
		h := sm3.New()
		_, _ = h.Write([]byte{tag})
		_, _ = h.Write(a)
		_, _ = h.Write(b)
		return Hash(h.Sum(nil))
	}
	h, _ := hashes.Get().(hash.Hash)
	defer hashes.Put(h)
	h.Reset()
	_, _ = h.Write([]byte{tag})
	_, _ = h.Write(a)
	_, _ = h.Write(b)
	var out Hash
	h.Sum(out[:0])
	return out
}

// Object is the hash of a document's exact bytes (an agreement, a statement).
func (s Suite) Object(b []byte) Hash { return s.sum(tagObject, b, nil) }

// PublicKey verifies under a suite. Its text form is "suite:base64url".
type PublicKey struct {
	Suite Suite
	Bytes []byte
}

// String is the text form.
func (k PublicKey) String() string {
	return k.Suite.String() + ":" + base64.RawURLEncoding.EncodeToString(k.Bytes)
}

// ParsePublicKey reads the text form; ErrKey for anything else.
func ParsePublicKey(text string) (PublicKey, error) {
	for _, s := range []Suite{Ed25519SHA256, SM2SM3} {
		p := s.String() + ":"
		if len(text) <= len(p) || text[:len(p)] != p {
			continue
		}
		b, err := base64.RawURLEncoding.DecodeString(text[len(p):])
		if err != nil {
			return PublicKey{}, ErrKey.Because(err)
		}
		k := PublicKey{Suite: s, Bytes: b}
		return k, k.check()
	}
	return PublicKey{}, ErrKey.With()
}

func (k PublicKey) check() error {
	switch k.Suite {
	case Ed25519SHA256:
		if len(k.Bytes) == ed25519.PublicKeySize {
			return nil
		}
	case SM2SM3:
		if _, err := sm2.NewPublicKey(k.Bytes); err == nil {
			return nil
		}
	}
	return ErrKey.With()
}

// Print is the beginning of the key's digest, n bytes of it, to be compared by eye.
func (k PublicKey) Print(n int) string {
	sum := k.Suite.Object([]byte(k.String()))
	return hex.EncodeToString(sum[:n])
}

// MarshalText implements encoding.TextMarshaler.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *PublicKey) UnmarshalText(b []byte) (err error) {
	*k, err = ParsePublicKey(string(b))
	return err
}

// Equal compares two keys.
func (k PublicKey) Equal(o PublicKey) bool {
	return k.Suite == o.Suite && string(k.Bytes) == string(o.Bytes)
}

// Verify reports whether sig is a signature of msg under the key. Never panics on foreign input.
func (k PublicKey) Verify(msg, sig []byte) bool {
	switch k.Suite {
	case Ed25519SHA256:
		return len(k.Bytes) == ed25519.PublicKeySize && ed25519.Verify(k.Bytes, msg, sig)
	case SM2SM3:
		pub, err := sm2.NewPublicKey(k.Bytes)
		return err == nil && sm2.VerifyASN1WithSM2(pub, nil, msg, sig)
	}
	return false
}

// PrivateKey signs under a suite.
type PrivateKey struct {
	suite Suite
	ed    ed25519.PrivateKey
	sm    *sm2.PrivateKey
	pub   PublicKey
}

// GenerateKey makes a key from the system's randomness.
func GenerateKey(s Suite) (*PrivateKey, error) {
	switch s {
	case Ed25519SHA256:
		_, priv, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("generate key: %w", err)
		}
		return newEd(priv), nil
	case SM2SM3:
		priv, err := sm2.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("generate key: %w", err)
		}
		return newSM(priv), nil
	}
	return nil, ErrSuite.With(s.String())
}

func newEd(priv ed25519.PrivateKey) *PrivateKey {
	pub, _ := priv.Public().(ed25519.PublicKey)
	return &PrivateKey{suite: Ed25519SHA256, ed: priv, pub: PublicKey{Suite: Ed25519SHA256, Bytes: pub}}
}

func newSM(priv *sm2.PrivateKey) *PrivateKey {
	point := make([]byte, 65) // uncompressed, SEC 1 section 2.3.3
	point[0] = 4
	priv.X.FillBytes(point[1:33])
	priv.Y.FillBytes(point[33:])
	return &PrivateKey{suite: SM2SM3, sm: priv, pub: PublicKey{Suite: SM2SM3, Bytes: point}}
}

// Public returns the public half.
func (k *PrivateKey) Public() PublicKey { return k.pub }

// Ed25519 returns the raw key of the Ed25519 suite, nil otherwise.
func (k *PrivateKey) Ed25519() ed25519.PrivateKey { return k.ed }

// Sign signs msg.
func (k *PrivateKey) Sign(msg []byte) ([]byte, error) {
	if k.suite == SM2SM3 {
		sig, err := k.sm.Sign(rand.Reader, msg, sm2.DefaultSM2SignerOpts)
		if err != nil {
			return nil, fmt.Errorf("sm2 sign: %w", err)
		}
		return sig, nil
	}
	return ed25519.Sign(k.ed, msg), nil
}

// Marshal writes the private key as "suite:base64url" for a key file.
func (k *PrivateKey) Marshal() string {
	var raw []byte
	if k.suite == SM2SM3 {
		raw = k.sm.D.FillBytes(make([]byte, 32))
	} else {
		raw = k.ed.Seed()
	}
	return k.suite.String() + ":" + base64.RawURLEncoding.EncodeToString(raw)
}

// ParsePrivateKey reads what Marshal wrote.
func ParsePrivateKey(text string) (*PrivateKey, error) {
	for _, s := range []Suite{Ed25519SHA256, SM2SM3} {
		p := s.String() + ":"
		if len(text) <= len(p) || text[:len(p)] != p {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(text[len(p):])
		if err != nil || len(raw) != 32 {
			return nil, ErrKey.Because(err)
		}
		if s == Ed25519SHA256 {
			return newEd(ed25519.NewKeyFromSeed(raw)), nil
		}
		priv, err := sm2.NewPrivateKeyFromInt(new(big.Int).SetBytes(raw))
		if err != nil {
			return nil, ErrKey.Because(err)
		}
		return newSM(priv), nil
	}
	return nil, ErrKey.With()
}
