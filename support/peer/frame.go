package peer

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/seal"
)

// EnvelopeVersion is the version of the envelope this node writes. It reads one older and one newer.
const EnvelopeVersion = 1

// Header names on the wire.
const (
	HeaderSeal   = "Kuayu-Seal"       // base64url of a frame
	HeaderCosign = "Kuayu-Cosign"     // base64url of the receiver's cosignature line
	HeaderKnown  = "Kuayu-Known-Size" // with evidence.stale_proof: the size to prove from
)

// maxFrame bounds a decoded frame, in bytes.
const maxFrame = 48 << 10

// frame is what travels beside a body.
type frame struct {
	sealed   *seal.Sealed
	bodySalt [seal.BodySaltSize]byte
	announce *evidence.Announcement // nil: the sender has no checkpoint yet
}

func (f *frame) encode() []byte { return f.append(nil) }

func (f *frame) append(b []byte) []byte {
	b = append(b, EnvelopeVersion)
	b = append(b, f.bodySalt[:]...)
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = f.sealed.Encode(b)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4)) //nolint:gosec // bounded by the formats
	if f.announce != nil {
		b = f.announce.Encode(b)
	}
	return b
}

// toHeader puts an envelope into the headers of an HTTP message.
func (e *envelope) toHeader(h http.Header) {
	if e.frame != nil {
		h[HeaderSeal] = []string{base64.RawURLEncoding.EncodeToString(e.frame.encode())}
	}
	for _, x := range [][2]string{{HeaderCosign, e.cosign}, {HeaderKnown, e.known}, {"Content-Type", e.media}, {httpx.HeaderRequestID, e.request}} {
		if x[1] != "" {
			h[x[0]] = []string{x[1]}
		}
	}
}

// fromHeader is toHeader back.
func (e *envelope) fromHeader(h http.Header) (err error) {
	e.cosign, e.known, e.media, e.request = h.Get(HeaderCosign), h.Get(HeaderKnown), h.Get("Content-Type"), h.Get(httpx.HeaderRequestID)
	text := h.Get(HeaderSeal)
	if len(text) > base64.RawURLEncoding.EncodedLen(maxFrame) {
		return ErrEnvelope.With("too long")
	}
	if e.seal, err = base64.RawURLEncoding.DecodeString(text); err != nil {
		return ErrEnvelope.Because(err, "encoding")
	}
	return nil
}

func decodeFrame(b []byte) (*frame, error) {
	if len(b) == 0 {
		return nil, ErrEnvelope.With("missing")
	}
	if len(b) > maxFrame {
		return nil, ErrEnvelope.With("too long")
	}
	if len(b) < 1+seal.BodySaltSize+4 {
		return nil, ErrEnvelope.With("encoding")
	}
	if v := int(b[0]); v < EnvelopeVersion-1 || v > EnvelopeVersion+1 {
		return nil, ErrVersion.With(v, EnvelopeVersion)
	}
	f := &frame{}
	copy(f.bodySalt[:], b[1:])
	b = b[1+seal.BodySaltSize:]
	n := int(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n > len(b) {
		return nil, ErrEnvelope.With("length")
	}
	var err error
	if f.sealed, err = seal.DecodeSealed(b[:n]); err != nil {
		return nil, err
	}
	if rest := b[n:]; len(rest) > 0 {
		if f.announce, err = evidence.DecodeAnnouncement(rest); err != nil {
			return nil, err
		}
	}
	return f, nil
}
