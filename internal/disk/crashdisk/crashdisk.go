// Package crashdisk is an in-memory disk.FS that loses what was not flushed, for crash tests.
//
// Every file remembers what is durable and the writes since. Crash keeps the durable part of each file and, by the
// dice of the caller, any subset of the later writes, the last one possibly torn, as a real disk may; a file whose
// folder was never flushed may vanish. After the cut every operation fails until the disk is rebooted.
package crashdisk

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/kuayu/kuayu/internal/disk"
)

// ErrPower is returned by everything after the power is cut.
var ErrPower = errors.New("power cut")

type write struct {
	off  int64
	data []byte
	trun bool
}

type node struct {
	durable, data []byte
	pending       []write
	linked        bool // the folder entry is durable
}

// Disk is the simulated disk. Safe for concurrent use.
type Disk struct {
	mu    sync.Mutex
	files map[string]*node
	gen   int // reboots; handles of an older generation are dead
	down  bool
	left  int // operations until the power goes; negative: never
	Syncs int // completed flushes
}

// New returns an empty disk that stays up.
func New() *Disk { return &Disk{files: map[string]*node{}, left: -1} }

// CutAfter cuts the power after n more mutating operations.
func (d *Disk) CutAfter(n int) { d.mu.Lock(); d.left = n; d.mu.Unlock() }

// Down reports whether the power is off.
func (d *Disk) Down() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.down }

// Crash cuts the power now, decides what survived, and reboots.
func (d *Disk) Crash(r *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := make([]string, 0, len(d.files))
	for name := range d.files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		n := d.files[name]
		if !n.linked && r.IntN(2) == 0 {
			delete(d.files, name)
			continue
		}
		cur := append([]byte(nil), n.durable...)
		for _, w := range n.pending {
			switch r.IntN(3) {
			case 0: // lost
			case 1: // torn
				if !w.trun && len(w.data) > 0 {
					w.data = w.data[:r.IntN(len(w.data))]
				}
				cur = apply(cur, w)
			default:
				cur = apply(cur, w)
			}
		}
		n.durable, n.data, n.pending, n.linked = cur, append([]byte(nil), cur...), nil, true
	}
	d.gen++
	d.down, d.left = false, -1
}

// Flip inverts one bit of a durable byte, as rot or an intruder would.
func (d *Disk) Flip(name string, off int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name].data[off] ^= 1
	d.files[name].durable[off] ^= 1
}

// Bytes returns a copy of a file's current content.
func (d *Disk) Bytes(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.files[name]; n != nil {
		return append([]byte(nil), n.data...)
	}
	return nil
}

func apply(b []byte, w write) []byte {
	if w.trun {
		if int64(len(b)) > w.off {
			return b[:w.off]
		}
		return append(b, make([]byte, w.off-int64(len(b)))...)
	}
	if end := w.off + int64(len(w.data)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[w.off:], w.data)
	return b
}

// step counts a mutating operation; callers hold mu.
func (d *Disk) step() error {
	if d.down {
		return ErrPower
	}
	if d.left == 0 {
		d.down = true
		return ErrPower
	}
	if d.left > 0 {
		d.left--
	}
	return nil
}

// Open implements disk.FS.
func (d *Disk) Open(name string, create bool) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil, ErrPower
	}
	n := d.files[name]
	if n == nil {
		if !create {
			return nil, fs.ErrNotExist
		}
		if err := d.step(); err != nil {
			return nil, err
		}
		n = &node{}
		d.files[name] = n
	}
	return &handle{d: d, n: n, gen: d.gen}, nil
}

// List implements disk.FS.
func (d *Disk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for name := range d.files {
		if filepath.Dir(name) == filepath.Clean(dir) {
			out = append(out, strings.TrimPrefix(name, filepath.Clean(dir)+"/"))
		}
	}
	sort.Strings(out)
	return out, nil
}

// MkdirAll implements disk.FS; folders need no keeping here.
func (d *Disk) MkdirAll(string) error { return nil }

// Rename implements disk.FS.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	n := d.files[from]
	if n == nil {
		return fs.ErrNotExist
	}
	delete(d.files, from)
	n.linked = false
	d.files[to] = n
	return nil
}

// SyncDir implements disk.FS.
func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	for name, n := range d.files {
		if filepath.Dir(name) == filepath.Clean(dir) {
			n.linked = true
		}
	}
	return nil
}

type handle struct {
	d   *Disk
	n   *node
	gen int
}

func (h *handle) alive() error {
	if h.gen != h.d.gen {
		return ErrPower
	}
	return nil
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if off >= int64(len(h.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) mutate(w write) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := errors.Join(h.alive(), h.d.step()); err != nil {
		return err
	}
	h.n.data = apply(h.n.data, w)
	h.n.pending = append(h.n.pending, w)
	return nil
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	if err := h.mutate(write{off: off, data: append([]byte(nil), p...)}); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h *handle) Truncate(size int64) error { return h.mutate(write{off: size, trun: true}) }

// WriteOut implements disk.File: nothing becomes durable by it.
func (h *handle) WriteOut(int64, int64) error { return nil }

func (h *handle) Datasync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := errors.Join(h.alive(), h.d.step()); err != nil {
		return err
	}
	h.n.durable = append([]byte(nil), h.n.data...)
	h.n.pending = nil
	h.d.Syncs++
	return nil
}

func (h *handle) Size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	return int64(len(h.n.data)), nil
}

func (h *handle) Close() error { return nil }
