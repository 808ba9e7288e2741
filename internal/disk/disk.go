// Package disk is the thin layer through which evidence writes files, so that a test can lose what was not flushed.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"syscall"
)

// FS is what evidence needs of a file system.
type FS interface {
	// Open opens or, with create, makes a file for reading and writing.
	Open(name string, create bool) (File, error)
	// List returns the sorted names of the files in a folder; none if it is absent.
	List(dir string) ([]string, error)
	// MkdirAll makes a folder and those above it, durably.
	MkdirAll(dir string) error
	// Rename gives a file another name in the same folder; SyncDir makes it durable.
	Rename(from, to string) error
	// SyncDir makes the creation of files in dir durable.
	SyncDir(dir string) error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Datasync returns when everything written is durable (fdatasync).
	Datasync() error
	// WriteOut begins to write n bytes at off to the device and does not wait. It makes nothing durable; it spares a
	// later Datasync from writing much at once.
	WriteOut(off, n int64) error
	Truncate(size int64) error
	Size() (int64, error)
	Close() error
}

// OS is the real file system.
type OS struct{}

type osFile struct{ *os.File }

// Open implements FS.
func (OS) Open(name string, create bool) (File, error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
	}
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return osFile{f}, nil
}

// List implements FS.
func (OS) List(dir string) ([]string, error) {
	es, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	var names []string
	for _, e := range es {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// MkdirAll implements FS. The names of new folders are durable when it returns: otherwise a power loss takes a folder
// with everything that was flushed into it.
func (o OS) MkdirAll(dir string) error {
	parent := filepath.Dir(dir)
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		if err := o.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder: %w", err)
	}
	return o.SyncDir(parent)
}

// SyncDir implements FS.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

// Datasync implements File.
func (f osFile) Datasync() error {
	c, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("datasync: %w", err)
	}
	var serr error
	err = c.Control(func(fd uintptr) {
		for {
			serr = syscall.Fdatasync(int(fd))
			if !errors.Is(serr, syscall.EINTR) {
				return
			}
		}
	})
	return errors.Join(err, serr)
}

// writeOut is SYNC_FILE_RANGE_WRITE of sync_file_range(2): start writing dirty pages, commit nothing to the journal.
const writeOut = 2

// WriteOut implements File.
func (f osFile) WriteOut(off, n int64) error {
	c, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("write out: %w", err)
	}
	var serr error
	err = c.Control(func(fd uintptr) { serr = syscall.SyncFileRange(int(fd), off, n, writeOut) })
	return errors.Join(err, serr)
}

// Size implements File.
func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("stat: %w", err)
	}
	return st.Size(), nil
}

// WriteFile replaces a small file durably: written beside, flushed, renamed, folder flushed.
func WriteFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	t, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	defer func() { _ = os.Remove(t.Name()) }()
	_, err = t.Write(data)
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.Rename(t.Name(), name); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return OS{}.SyncDir(dir)
}
