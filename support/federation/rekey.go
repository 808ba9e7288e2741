package federation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// RetiredKey is a root key that a member had, and since when nothing that it signed counts.
type RetiredKey struct {
	Key   seal.PublicKey `json:"key"`
	Since time.Time      `json:"since"`
}

// maxRetired bounds the root keys a member may have lost.
const maxRetired = 64

// RekeyRequest is the file with which a member that lost its keys asks for new ones: the root key that is to count, and
// what the member says under it. Without that statement nobody would know its certificates after the change.
type RekeyRequest struct {
	Member    string           `json:"member"`
	NewKey    seal.PublicKey   `json:"new_key"`
	Since     time.Time        `json:"since"` // nothing signed with the old keys from then on counts
	Statement *SignedStatement `json:"statement"`
}

// nextKeys is the folder, in that of the keys, in which keys wait until the federation has adopted them.
const nextKeys = "next"

// PrepareRekey makes every key of a member anew but those of its indexes: root, certificates, and from an epoch on those of
// evidence and log. They wait beside the others; asked again, other ones are made. The result is the keys as they will be.
func (k *Keys) PrepareRekey(dir, member string, epoch uint32, now, since time.Time) (*Keys, error) {
	next := filepath.Join(dir, nextKeys)
	if err := os.RemoveAll(next); err != nil {
		return nil, fmt.Errorf("key folder: %w", err)
	}
	if err := os.MkdirAll(next, 0o700); err != nil {
		return nil, fmt.Errorf("key folder: %w", err)
	}
	root, err := seal.GenerateKey(k.Root.Public().Suite)
	if err != nil {
		return nil, err
	}
	ca, err := newCA(member, now)
	if err != nil {
		return nil, err
	}
	if err := k.Rotate(next, epoch, now, &since); err != nil {
		return nil, err
	}
	for _, f := range [][2]string{
		{"ca.key", ca.keyPEM},
		{"ca.pem", ca.certPEM},
		{"epoch", strconv.FormatUint(uint64(epoch), 10)},
		{"root.key", root.Marshal()}, // last: its presence says that the folder is complete
	} {
		if err := disk.WriteFile(filepath.Join(next, f[0]), []byte(f[1])); err != nil {
			return nil, err
		}
	}
	rotated, err := loadRotations(next)
	if err != nil {
		return nil, err
	}
	out := *k
	out.Root, out.CAKey, out.CA = root, ca.key, ca.cert
	before := slices.DeleteFunc(slices.Clone(k.Rotated), func(r Rotation) bool { return r.Epoch >= epoch }) // what never began
	out.Rotated = append(before, rotated...)
	return &out, nil
}

// NextRoot is the root key that waits to be adopted, and the epoch that begins with it; ErrNoRekey if none waits.
func NextRoot(dir string) (seal.PublicKey, uint32, error) {
	b, err := os.ReadFile(filepath.Join(dir, nextKeys, "root.key"))
	if errors.Is(err, fs.ErrNotExist) {
		return seal.PublicKey{}, 0, ErrNoRekey.With()
	}
	if err != nil {
		return seal.PublicKey{}, 0, err
	}
	root, err := seal.ParsePrivateKey(string(b))
	if err != nil {
		return seal.PublicKey{}, 0, err
	}
	epoch, err := nextEpoch(filepath.Join(dir, nextKeys))
	return root.Public(), epoch, err
}

// Taking reports whether TakeNext was interrupted: the node must not start before it has ended.
func Taking(dir string) bool {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, nextKeys, name))
		return err == nil
	}
	return there("epoch") && there("begun")
}

// TakeNext puts the keys that wait in the place of the others, and calls begin for the epoch that begins with them.
// Interrupted, it goes on where it was when it is called again.
func TakeNext(dir string, begin func(epoch uint32) error) error {
	next := filepath.Join(dir, nextKeys)
	epoch, err := nextEpoch(next)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(filepath.Join(next, "begun"), nil); err != nil {
		return err
	}
	for _, name := range []string{filepath.Base(rotationDir(dir, epoch)), "ca.key", "ca.pem", "root.key"} {
		if _, err := os.Stat(filepath.Join(next, name)); errors.Is(err, fs.ErrNotExist) {
			continue // moved before
		}
		to := filepath.Join(dir, name)
		if st, err := os.Stat(to); err == nil && st.IsDir() { // left by a rotation that never began
			if err := os.RemoveAll(to); err != nil {
				return fmt.Errorf("key folder: %w", err)
			}
		}
		if err := os.Rename(filepath.Join(next, name), to); err != nil {
			return fmt.Errorf("key folder: %w", err)
		}
		if err := errors.Join((disk.OS{}).SyncDir(dir), (disk.OS{}).SyncDir(next)); err != nil {
			return err
		}
	}
	if err := begin(epoch); err != nil {
		return err
	}
	return os.RemoveAll(next)
}

func nextEpoch(next string) (uint32, error) {
	b, err := os.ReadFile(filepath.Join(next, "epoch"))
	if err != nil {
		return 0, fmt.Errorf("key folder: %w", err)
	}
	epoch, err := strconv.ParseUint(string(b), 10, 32)
	if err != nil || epoch > maxEpoch {
		return 0, seal.ErrKey.Because(err)
	}
	return uint32(epoch), nil
}
