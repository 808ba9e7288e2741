package peer

import (
	"encoding/base64"
	"encoding/binary"

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

func (f *frame) encode() string {
	b := make([]byte, 0, 1536)
	b = append(b, EnvelopeVersion)
	b = append(b, f.bodySalt[:]...)
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = f.sealed.Encode(b)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4)) //nolint:gosec // bounded by the formats
	if f.announce != nil {
		b = f.announce.Encode(b)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeFrame(text string) (*frame, error) {
	if text == "" {
		return nil, ErrEnvelope.With("missing")
	}
	if len(text) > base64.RawURLEncoding.EncodedLen(maxFrame) {
		return nil, ErrEnvelope.With("too long")
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 1+seal.BodySaltSize+4 {
		return nil, ErrEnvelope.Because(err, "encoding")
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
