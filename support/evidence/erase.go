package evidence

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
)

// eraseFile says which frame is being destroyed, so that a power cut in the middle of it damages nothing: the next
// start destroys it to the end. It is one frame: segment (u32) · offset (u64) · size (u32).
const eraseFile = "erase.tmp"

const erasePayload = 16

// destroy overwrites a fact's frame with zeros of the same length.
func (l *Log) destroy(segment int, off int64, size int) error {
	l.erasing.Lock()
	defer l.erasing.Unlock()
	var p [erasePayload]byte
	binary.BigEndian.PutUint32(p[:], uint32(segment)) //nolint:gosec // a small count
	binary.BigEndian.PutUint64(p[4:], uint64(off))    //nolint:gosec // an offset
	binary.BigEndian.PutUint32(p[12:], uint32(size))  //nolint:gosec // bounded by maxFrame
	note := appendFrame(nil, frameErased, p[:])
	if err := l.noteErase(note); err != nil {
		return err
	}
	if err := l.zero(segment, off, size); err != nil {
		return err
	}
	return l.noteErase(make([]byte, len(note)))
}

func (l *Log) noteErase(b []byte) error {
	f, err := l.cfg.FS.Open(filepath.Join(l.dir, eraseFile), true)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteAt(b, 0); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	if err := f.Datasync(); err != nil {
		return err
	}
	return l.cfg.FS.SyncDir(l.dir)
}

func (l *Log) zero(segment int, off int64, size int) error {
	f, err := l.cfg.FS.Open(segmentName(l.dir, segment), false)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteAt(appendFrame(nil, frameErased, make([]byte, size)), off); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return f.Datasync()
}

// finishErase ends an erasure that a power cut interrupted. A note that is itself torn was never acted upon.
func (l *Log) finishErase() error {
	names, err := l.cfg.FS.List(l.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != eraseFile {
			continue
		}
		f, err := l.cfg.FS.Open(filepath.Join(l.dir, eraseFile), false)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		size, err := f.Size()
		if err != nil {
			return err
		}
		kind, p, _, err := readFrame(&window{f: f}, 0, size)
		if err != nil || kind != frameErased || len(p) != erasePayload {
			return nil // nothing under way
		}
		return l.destroy(int(binary.BigEndian.Uint32(p)), int64(binary.BigEndian.Uint64(p[4:])), int(binary.BigEndian.Uint32(p[12:]))) //nolint:gosec // as written
	}
	return nil
}
