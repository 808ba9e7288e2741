package federation

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// Rotation is a pair of keys that seals from an epoch on. Keys change with the epoch and never within one: whoever holds a
// log to its key need not know when it changed.
type Rotation struct {
	Epoch            uint32 // from which on
	Evidence         *seal.PrivateKey
	LogSeed          ed25519.PrivateKey
	Since            time.Time
	CompromisedSince *time.Time // of the keys before
}

// rotationFile is what is kept of a rotation beside its keys. It is written last: where it lies, the keys are whole.
type rotationFile struct {
	Since            time.Time  `json:"since"`
	CompromisedSince *time.Time `json:"compromised_since,omitempty"`
}

// maxEpoch is the highest epoch that has a folder.
const maxEpoch = 9999

func rotationDir(dir string, epoch uint32) string {
	return filepath.Join(dir, fmt.Sprintf("e%04d", epoch))
}

// Rotate makes the keys with which the node seals from an epoch on, under the suite of those before. They lie unused until
// that epoch begins. compromised, if not nil, is since when facts under the keys before do not count.
func (k *Keys) Rotate(dir string, epoch uint32, now time.Time, compromised *time.Time) error {
	ev, err := seal.GenerateKey(k.Evidence.Public().Suite)
	if err != nil {
		return err
	}
	_, seed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	about, err := json.Marshal(rotationFile{Since: now.UTC(), CompromisedSince: compromised})
	if err != nil {
		return err
	}
	to := rotationDir(dir, epoch)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("key folder: %w", err)
	}
	if err := (disk.OS{}).SyncDir(dir); err != nil {
		return err
	}
	for _, f := range [][2]string{{"evidence.key", ev.Marshal()}, {"log.key", base64.RawURLEncoding.EncodeToString(seed.Seed())}, {"rotation.json", string(about)}} {
		if err := disk.WriteFile(filepath.Join(to, f[0]), []byte(f[1])); err != nil {
			return err
		}
	}
	return nil
}

// DropRotations removes the keys of epochs after one that is the last to have begun: of an attempt that was interrupted.
func DropRotations(dir string, epoch uint32) error {
	rs, err := loadRotations(dir)
	if err != nil {
		return err
	}
	for _, r := range rs {
		if r.Epoch > epoch {
			if err := os.RemoveAll(rotationDir(dir, r.Epoch)); err != nil {
				return fmt.Errorf("key folder: %w", err)
			}
		}
	}
	return (disk.OS{}).SyncDir(dir)
}

// loadRotations reads the rotations of a key folder, in the order of epochs.
func loadRotations(dir string) ([]Rotation, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("key folder: %w", err)
	}
	var out []Rotation
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "e")
		n, err := strconv.ParseUint(number, 10, 32)
		if !ok || err != nil || n == 0 || n > maxEpoch || !e.IsDir() {
			continue
		}
		r, err := loadRotation(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // interrupted before it was whole
		}
		if err != nil {
			return nil, err
		}
		r.Epoch = uint32(n)
		out = append(out, *r)
	}
	return out, nil
}

func loadRotation(dir string) (*Rotation, error) {
	b, err := os.ReadFile(filepath.Join(dir, "rotation.json"))
	if err != nil {
		return nil, err
	}
	var f rotationFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, seal.ErrKey.Because(err)
	}
	r := &Rotation{Since: f.Since, CompromisedSince: f.CompromisedSince}
	if b, err = os.ReadFile(filepath.Join(dir, "evidence.key")); err != nil {
		return nil, seal.ErrKey.Because(err)
	}
	if r.Evidence, err = seal.ParsePrivateKey(strings.TrimSpace(string(b))); err != nil {
		return nil, err
	}
	if b, err = os.ReadFile(filepath.Join(dir, "log.key")); err != nil {
		return nil, seal.ErrKey.Because(err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, seal.ErrKey.Because(err)
	}
	r.LogSeed = ed25519.NewKeyFromSeed(seed)
	return r, nil
}

// at returns the keys of an epoch and since when they are used; zero for the first ones.
func (k *Keys) at(epoch uint32) (*seal.PrivateKey, ed25519.PrivateKey, time.Time) {
	for i := len(k.Rotated) - 1; i >= 0; i-- {
		if r := &k.Rotated[i]; r.Epoch <= epoch {
			return r.Evidence, r.LogSeed, r.Since
		}
	}
	return k.Evidence, k.LogSeed, time.Time{}
}

// FormerWitnesses are the keys with which the member cosigned before an epoch.
func (k *Keys) FormerWitnesses(member string, now uint32) ([]FormerWitness, error) {
	var out []FormerWitness
	for i := range k.Rotated {
		r := &k.Rotated[i]
		if r.Epoch > now {
			break
		}
		_, vkey, err := k.CosignSigner(member, r.Epoch-1)
		if err != nil {
			return nil, err
		}
		for j := range out {
			out[j].Lost = out[j].Lost || r.CompromisedSince != nil
		}
		out = append(out, FormerWitness{Key: vkey, Lost: r.CompromisedSince != nil})
	}
	return out, nil
}

// EvidenceKey signs the batches of an epoch.
func (k *Keys) EvidenceKey(epoch uint32) *seal.PrivateKey {
	key, _, _ := k.at(epoch)
	return key
}

// Lost reports whether what a log sealed at a time does not count, in an epoch that may be a later one.
func (k *Keys) Lost(l seal.Log, at time.Time, now uint32) bool {
	_, lost := k.ended(l.Epoch, now)
	return lost != nil && !at.Before(*lost)
}

// ended is when the keys of an epoch were followed by others, and since when they do not count, in an epoch that may be a
// later one. All keys lie in one folder: what was lost was lost with those before it.
func (k *Keys) ended(epoch, now uint32) (until, lost *time.Time) {
	for i := range k.Rotated {
		r := &k.Rotated[i]
		if r.Epoch <= epoch || r.Epoch > now {
			continue
		}
		if until == nil {
			until = &r.Since
		}
		if c := r.CompromisedSince; c != nil && (lost == nil || c.Before(*lost)) {
			lost = c
		}
	}
	return until, lost
}

// LogKey is what the member says of one of its logs, in an epoch that may be a later one.
func (k *Keys) LogKey(l seal.Log, now uint32) (LogKey, error) {
	key, _, since := k.at(l.Epoch)
	_, vkey, err := k.CheckpointSigner(l)
	if err != nil {
		return LogKey{}, err
	}
	out := LogKey{Log: l, Key: key.Public(), VKey: vkey, From: k.CA.NotBefore}
	if !since.IsZero() {
		out.From = since
	}
	out.Until, out.CompromisedSince = k.ended(l.Epoch, now)
	return out, nil
}
