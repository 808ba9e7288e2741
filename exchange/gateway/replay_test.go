package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/seal"
)

func answerOf(n, size int) (*evidence.Record, *output) {
	body := bytes.Repeat([]byte{byte(n)}, size)
	rec := &evidence.Record{Sealed: &seal.Sealed{Fact: fmt.Appendf(nil, "fact %d", n), Header: seal.Header{Number: uint64(n), Suite: seal.Ed25519SHA256, Count: 16}, Path: make([]seal.Hash, n%5)}, Batch: uint64(n), Body: body}
	rec.BodySalt[0] = byte(n)
	return rec, &output{media: "application/json", digest: sha256.Sum256(body)}
}

// TestReplayRemembers: what was answered is found again, whole, until it is no longer fresh; of large answers, of the
// oldest when there are too many, and of those before a restart, the digest alone.
func TestReplayRemembers(t *testing.T) {
	r := newReplay()
	start := time.Unix(1_800_000_000, 0)
	settle := func(n, size int, at time.Time) replayKey {
		key := keyOf("shanghai", fmt.Sprint(n))
		c, fresh := r.enter(key, sha256.Sum256([]byte{byte(n)}), at)
		if !fresh {
			t.Fatalf("answer %d seen before", n)
		}
		rec, o := answerOf(n, size)
		r.settle(key, c, rec, o, nil)
		<-c.done
		return key
	}
	const many = 600
	keys := make([]replayKey, many)
	for i := range keys {
		keys[i] = settle(i, 100<<10, start.Add(time.Duration(i)*time.Millisecond)) // 60 MB in all
	}
	held := 0
	for i, key := range keys {
		k, ok, err := r.recall(key)
		want, o := answerOf(i, 100<<10)
		if err != nil || !ok || k.digest != o.digest || k.content != sha256.Sum256([]byte{byte(i)}) {
			t.Fatalf("answer %d: %v %v", i, ok, err)
		}
		if k.rec == nil {
			if held > 0 {
				t.Fatalf("answer %d was dropped before an older one", i)
			}
			continue
		}
		held++
		if !bytes.Equal(k.rec.Body, want.Body) || !bytes.Equal(k.rec.Sealed.Fact, want.Sealed.Fact) || k.rec.BodySalt != want.BodySalt || len(k.rec.Sealed.Path) != i%5 || k.media != o.media {
			t.Fatalf("answer %d came back another", i)
		}
	}
	if held == 0 || held*(100<<10) > replayBytes+replayPage || r.bytes > replayBytes+replayPage {
		t.Fatalf("%d answers held, %d bytes", held, r.bytes)
	}
	if c, fresh := r.enter(keys[0], [32]byte{}, start.Add(time.Second)); fresh || c != nil {
		t.Error("a request seen before is taken for a new one")
	}
	large := settle(many, replaySmall+1, start.Add(time.Second))
	if k, ok, err := r.recall(large); err != nil || !ok || k.rec != nil {
		t.Errorf("a large answer: held %v, known %v, %v", k.rec != nil, ok, err)
	}
	restored := keyOf("zhejiang", "before")
	content, digest := sha256.Sum256([]byte("c")), sha256.Sum256([]byte("d"))
	r.restore(restored, hex.EncodeToString(content[:]), hex.EncodeToString(digest[:]), start.Add(time.Second))
	if k, ok, err := r.recall(restored); err != nil || !ok || k.rec != nil || k.content != content || k.digest != digest {
		t.Errorf("restored: %+v %v %v", k, ok, err)
	}
	later := start.Add(time.Second + replayKeep)
	if _, fresh := r.enter(keys[0], [32]byte{}, later); !fresh {
		t.Error("an answer is remembered for ever")
	}
	if len(r.settled) != 0 || len(r.pages) != 0 || r.bytes != 0 || len(r.order) != 0 {
		t.Errorf("kept: %d answers, %d pages, %d bytes, %d in order", len(r.settled), len(r.pages), r.bytes, len(r.order))
	}
}

// TestReplayFailure: who waits for a request that fails hears why, and it may be tried again.
func TestReplayFailure(t *testing.T) {
	r := newReplay()
	key, now := keyOf("shanghai", "x"), time.Unix(1_800_000_000, 0)
	c, fresh := r.enter(key, [32]byte{1}, now)
	again, second := r.enter(key, [32]byte{1}, now)
	if !fresh || second || again != c {
		t.Fatal("two computations of one request")
	}
	cause := errors.New("source gone")
	r.settle(key, c, nil, nil, cause)
	<-again.done
	if !errors.Is(again.err, cause) {
		t.Errorf("the waiting one heard %v", again.err)
	}
	if _, fresh := r.enter(key, [32]byte{1}, now); !fresh {
		t.Error("a failed request cannot be tried again")
	}
}
