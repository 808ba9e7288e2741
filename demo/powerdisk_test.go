package demo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// departmentsOwn is the database that a department brought; in earnest it is on a machine of its own.
const departmentsOwn = "business.db"

// sector is what a disk writes as a whole.
const sector = 512

// change is one modification of a file: a write, or a new length.
type change struct {
	off  int64
	data []byte // nil: length zeros, or a truncation
	size int64  // of the write, or the new length
	cut  bool
}

// inode is a file or folder with what is durable of it and what was done since.
type inode struct {
	durable []byte
	pending []change
	dir     map[string]*inode // folders: durable entries
	now     map[string]*inode // folders: entries as the program sees them
	entries []entry           // folders: changes of entries since the last flush, in order
	size    int64             // as the program sees it
	flushed int               // how many changes or entries became durable
}

type entry struct {
	name string
	node *inode // nil: removed
	more *entry // the other half of a rename within the folder
}

func newFolder() *inode { return &inode{dir: map[string]*inode{}, now: map[string]*inode{}} }

// powerDisk replays the file operations of a traced program.
type powerDisk struct {
	root  string // all below is simulated
	top   *inode
	files map[int]*inode  // by descriptor
	names map[int]string  // of every descriptor
	pos   map[int]int64   // of descriptors that are written without an offset
	sync  map[int]bool    // descriptors whose writes are durable when they return
	acks  string          // the file of acknowledgements
	open  map[string]call // calls under way, by thread
	said  []string        // acknowledgements so far
	ops   int             // operations that changed something
}

// call is one system call.
type call struct {
	name  string
	args  []string
	inode *inode
	mark  int // how many changes there had been when a flush began
	fd    int
}

func newPowerDisk(root, acks string) *powerDisk {
	return &powerDisk{root: root, acks: acks, top: newFolder(), files: map[int]*inode{}, names: map[int]string{}, pos: map[int]int64{}, sync: map[int]bool{}, open: map[string]call{}}
}

// replay reads a log of strace -f -y -xx and calls step after each operation that changed something on the disk.
func (d *powerDisk) replay(r io.Reader, step func() error) error {
	br := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := br.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		changed, err := d.line(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return fmt.Errorf("%w: %.300s", err, line)
		}
		if changed {
			d.ops++
			if err := step(); err != nil {
				return err
			}
		}
	}
}

func (d *powerDisk) line(line string) (bool, error) {
	thread, rest, ok := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ")
	if !ok || strings.HasPrefix(rest, "---") || strings.HasPrefix(rest, "+++") {
		return false, nil
	}
	if after, ok := strings.CutPrefix(rest, "<... "); ok {
		c, known := d.open[thread]
		if !known {
			return false, nil
		}
		delete(d.open, thread)
		_, tail, _ := strings.Cut(after, " resumed>")
		return d.end(c, tail)
	}
	name, tail, ok := strings.Cut(rest, "(")
	if !ok {
		return false, errors.New("not understood")
	}
	unfinished := strings.HasSuffix(tail, " <unfinished ...>")
	tail = strings.TrimSuffix(tail, " <unfinished ...>")
	args, tail := arguments(tail)
	c := call{name: name, args: args, fd: -1}
	if err := d.begin(&c); err != nil {
		return false, err
	}
	if unfinished {
		d.open[thread] = c
		return false, nil
	}
	return d.end(c, tail)
}

// arguments splits at commas; with -xx texts hold no character that would need care.
func arguments(s string) (args []string, tail string) {
	depth := 0
	for start, i := 0, 0; i <= len(s); i++ {
		if i == len(s) {
			return append(args, strings.TrimSpace(s[start:])), ""
		}
		switch s[i] {
		case '<', '{', '[':
			depth++
		case '>', '}', ']':
			depth--
		case ')':
			if depth == 0 {
				return append(args, strings.TrimSpace(s[start:i])), s[i+1:]
			}
		case ',':
			if depth == 0 {
				args = append(args, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
	}
	return args, ""
}

// text decodes "\x61\x62" and the path in 3<\x61>.
func text(s string) []byte {
	if i := strings.IndexAny(s, "\"<"); i >= 0 {
		s = s[i+1:]
	}
	out := make([]byte, 0, len(s)/4)
	for len(s) >= 4 && s[0] == '\\' && s[1] == 'x' {
		out = append(out, nibble(s[2])<<4|nibble(s[3]))
		s = s[4:]
	}
	return out
}

func nibble(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

func descriptor(s string) int {
	n, _, _ := strings.Cut(s, "<")
	fd, err := strconv.Atoi(n)
	if err != nil {
		return -1
	}
	return fd
}

// begin is the entry into a call: what it refers to is fixed then. A descriptor may be given out anew as soon as its
// close has begun.
func (d *powerDisk) begin(c *call) error {
	switch c.name {
	case "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "close", "fallocate", "writev", "pwritev", "lseek", "dup", "dup2", "dup3", "sync_file_range":
		c.fd = descriptor(c.args[0])
		c.inode = d.files[c.fd]
		if c.inode != nil {
			c.mark = c.inode.flushed + len(c.inode.pending) + len(c.inode.entries)
		}
		if c.name == "write" && d.names[c.fd] == d.acks {
			// Whoever says that something was acknowledged knew it before the call.
			d.said = append(d.said, strings.Split(strings.TrimSuffix(string(text(c.args[1])), "\n"), "\n")...)
		}
		if c.name == "close" {
			delete(d.files, c.fd)
			delete(d.names, c.fd)
			delete(d.pos, c.fd)
			delete(d.sync, c.fd)
		}
	}
	return nil
}

// end is the return from a call.
func (d *powerDisk) end(c call, tail string) (bool, error) {
	if c.args[len(c.args)-1] == "" && strings.Contains(tail, ")") {
		c.args = c.args[:len(c.args)-1]
	}
	_, result, _ := strings.Cut(tail, "= ")
	if strings.HasPrefix(result, "-1") || result == "" || result[0] == '?' {
		return false, nil
	}
	switch c.name {
	case "open", "openat", "creat":
		return d.opened(c, result)
	case "rename", "renameat", "renameat2", "link", "linkat":
		return d.renamed(c)
	case "mkdir", "mkdirat", "unlink", "unlinkat":
		return d.entered(c)
	}
	n := c.inode
	if n == nil {
		return false, nil
	}
	switch c.name {
	case "close":
		return false, nil
	case "sync_file_range": // starts writing what was written; nothing is durable by it
		return false, nil
	case "fsync", "fdatasync":
		n.flush(c.mark)
		return true, nil
	case "ftruncate":
		size, err := strconv.ParseInt(c.args[1], 10, 64)
		n.change(change{cut: true, size: size})
		return true, err
	case "pwrite64", "write":
		b := text(c.args[1])
		done, err := strconv.Atoi(strings.Fields(result)[0])
		if err != nil || done != len(b) {
			return false, fmt.Errorf("%d of %d bytes written: %w", done, len(b), err)
		}
		off := d.pos[c.fd]
		if c.name == "pwrite64" {
			if off, err = strconv.ParseInt(c.args[3], 10, 64); err != nil {
				return false, err
			}
		} else {
			if off < 0 {
				off = n.size
			} else {
				d.pos[c.fd] += int64(done)
			}
		}
		w := change{off: off, data: b, size: int64(done)}
		if zero(b) {
			w.data = nil
		}
		n.change(w)
		if d.sync[c.fd] {
			n.flush(n.flushed + len(n.pending))
		}
		return true, nil
	}
	return false, fmt.Errorf("the simulated disk does not know %s", c.name)
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// place finds the folder and name of a path, nil if it is outside of what is simulated.
func (d *powerDisk) place(path string) (*inode, string) {
	rel, ok := strings.CutPrefix(filepath.Clean(path), d.root+"/")
	base := filepath.Base(rel)
	if !ok || strings.HasSuffix(base, "-shm") || base == "lock" || strings.HasPrefix(base, departmentsOwn) {
		return nil, "" // memory, nothing, and the department's own database, which is another machine's
	}
	at := d.top
	parts := strings.Split(rel, "/")
	for _, p := range parts[:len(parts)-1] {
		if at = at.now[p]; at == nil || at.now == nil {
			return nil, ""
		}
	}
	return at, parts[len(parts)-1]
}

func pathArgs(c call) []string {
	var out []string
	for _, a := range c.args {
		if strings.HasPrefix(a, "\"") {
			out = append(out, string(text(a)))
		}
	}
	return out
}

func (d *powerDisk) opened(c call, result string) (bool, error) {
	fd := descriptor(result)
	path := pathArgs(c)[0]
	d.names[fd] = path
	flags := strings.Join(c.args, " ")
	var n *inode
	changed := false
	if path == d.root {
		n = d.top
	} else if dir, name := d.place(path); dir != nil {
		n = dir.now[name]
		if n == nil {
			if !strings.Contains(flags, "O_CREAT") {
				return false, fmt.Errorf("%s appeared from nowhere", path)
			}
			n = &inode{}
			dir.enter(entry{name: name, node: n})
			changed = true
		} else if strings.Contains(flags, "O_TRUNC") && n.now == nil {
			n.change(change{cut: true})
			changed = true
		}
	}
	if n == nil {
		return false, nil
	}
	d.files[fd], d.pos[fd] = n, 0
	d.sync[fd] = strings.Contains(flags, "O_SYNC") || strings.Contains(flags, "O_DSYNC")
	if strings.Contains(flags, "O_APPEND") {
		d.pos[fd] = -1
	}
	return changed, nil
}

func (d *powerDisk) renamed(c call) (bool, error) {
	p := pathArgs(c)
	from, a := d.place(p[0])
	to, b := d.place(p[1])
	if from == nil && to == nil {
		return false, nil
	}
	if from == nil || to == nil || from.now[a] == nil {
		return false, errors.New("a rename across the border of what is simulated")
	}
	in := entry{name: b, node: from.now[a]}
	switch {
	case strings.HasPrefix(c.name, "link"):
	case from == to:
		in.more = &entry{name: a}
	default:
		from.enter(entry{name: a})
	}
	to.enter(in)
	return true, nil
}

func (d *powerDisk) entered(c call) (bool, error) {
	dir, name := d.place(pathArgs(c)[0])
	if dir == nil {
		return false, nil
	}
	e := entry{name: name}
	if strings.HasPrefix(c.name, "mkdir") {
		e.node = newFolder()
		if dir == d.top { // the operator's folder is taken as given
			dir.dir[name] = e.node
		}
	}
	dir.enter(e)
	return true, nil
}

func (n *inode) enter(e entry) {
	n.entries = append(n.entries, e)
	e.apply(n.now)
}

func (e *entry) apply(m map[string]*inode) {
	if e.more != nil {
		e.more.apply(m)
	}
	if e.node == nil {
		delete(m, e.name)
	} else {
		m[e.name] = e.node
	}
}

func (n *inode) change(w change) {
	n.pending = append(n.pending, w)
	if w.cut {
		n.size = w.size
	} else {
		n.size = max(n.size, w.off+w.size)
	}
}

// flush makes durable what was complete when the flush began.
func (n *inode) flush(mark int) {
	first := max(0, mark-n.flushed)
	n.flushed += first
	if n.dir != nil {
		for i := range n.entries[:first] {
			n.entries[i].apply(n.dir)
		}
		n.entries = append([]entry(nil), n.entries[first:]...)
		return
	}
	for _, w := range n.pending[:first] {
		n.durable = w.apply(n.durable)
	}
	n.pending = append([]change(nil), n.pending[first:]...)
}

func (w change) apply(b []byte) []byte {
	end := w.off + w.size
	if w.cut {
		end = w.size
	}
	if end > int64(len(b)) {
		if end > int64(cap(b)) {
			b = append(make([]byte, 0, end+end/4), b...)
		}
		old := len(b)
		b = b[:end]
		clear(b[old:])
	}
	switch {
	case w.cut:
		return b[:w.size]
	case w.data == nil:
		clear(b[w.off:end])
	default:
		copy(b[w.off:], w.data)
	}
	return b
}

// How a disk may treat what was not flushed.
const (
	losesAll  = iota // nothing of it is there
	keepsAll         // all of it is: only the program was killed
	keepsHead        // of each file what came first
	keepsAny         // any of it, sectors of single writes torn apart
	treatments
)

// after is what the disk holds of a file when the power comes back.
func (n *inode) after(how int, r *rand.Rand) []byte {
	b := append([]byte(nil), n.durable...)
	keep := len(n.pending)
	switch how {
	case losesAll:
		keep = 0
	case keepsHead:
		keep = r.IntN(keep + 1)
	}
	for _, w := range n.pending[:keep] {
		if how != keepsAny || r.IntN(3) == 0 {
			b = w.apply(b)
			continue
		}
		if w.cut || r.IntN(2) == 0 {
			continue
		}
		for at := w.off; at < w.off+w.size; { // torn
			next := min(w.off+w.size, (at/sector+1)*sector)
			if r.IntN(2) == 0 {
				part := change{off: at, size: next - at}
				if w.data != nil {
					part.data = w.data[at-w.off : next-w.off]
				}
				b = part.apply(b)
			}
			at = next
		}
	}
	return b
}

// write writes what the disk holds of a folder after the power came back; without leaves out a folder.
func (n *inode) write(dir string, how int, r *rand.Rand, without string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	there := map[string]*inode{}
	for name, c := range n.dir {
		there[name] = c
	}
	keep := len(n.entries)
	switch how {
	case losesAll:
		keep = 0
	case keepsHead, keepsAny: // folders are journalled: what came first
		keep = r.IntN(keep + 1)
	}
	for i := range n.entries[:keep] {
		n.entries[i].apply(there)
	}
	for name, c := range there {
		p := filepath.Join(dir, name)
		if c.dir != nil {
			if name == without {
				continue
			}
			if err := c.write(p, how, r, without); err != nil {
				return err
			}
			continue
		}
		if err := sparse(p, c.after(how, r)); err != nil {
			return err
		}
	}
	return nil
}

// sparse writes a file without its zeros.
func sparse(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	const page = 64 << 10
	for at := 0; at < len(b) && err == nil; at += page {
		if part := b[at:min(len(b), at+page)]; !zero(part) {
			_, err = f.WriteAt(part, int64(at))
		}
	}
	return errors.Join(err, f.Truncate(int64(len(b))), f.Close())
}
