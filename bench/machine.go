package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kuayu/kuayu/internal/disk"
)

// probe tells what the machine itself was like during a run: latencies of a lone fdatasync of 2 KiB into a file filled
// ahead, taken between the rounds while nothing else ran, and the share of processor time its host took away.
type probe struct {
	dir     string
	f       disk.File
	off     int64
	flushes []float64 // milliseconds
	stolen  float64
	total   float64
}

const probeBytes = 4 << 20

func newProbe() (*probe, error) {
	dir, err := os.MkdirTemp("", "kuayu-probe-")
	if err != nil {
		return nil, fmt.Errorf("probe folder: %w", err)
	}
	f, err := disk.OS{}.Open(filepath.Join(dir, "probe"), true)
	if err == nil {
		_, err = f.WriteAt(make([]byte, probeBytes), 0)
	}
	if err == nil {
		err = f.Datasync()
	}
	p := &probe{dir: dir, f: f}
	p.stolen, p.total = cpuTimes()
	return p, err
}

// round takes a hundred flushes.
func (p *probe) round() error {
	b := make([]byte, 2048)
	for range 100 {
		if _, err := p.f.WriteAt(b, p.off); err != nil {
			return err
		}
		p.off = (p.off + int64(len(b))) % probeBytes
		t := time.Now()
		if err := p.f.Datasync(); err != nil {
			return err
		}
		p.flushes = append(p.flushes, float64(time.Since(t))/float64(time.Millisecond))
		time.Sleep(time.Millisecond)
	}
	return nil
}

// close removes the file and adds what was seen to a result.
func (p *probe) close(to map[string]any) {
	_ = p.f.Close()
	_ = os.RemoveAll(p.dir)
	sortFloats(p.flushes)
	to["idle_fdatasync_p50_ms"], to["idle_fdatasync_p99_ms"] = percentile(p.flushes, 50), percentile(p.flushes, 99)
	if s, t := cpuTimes(); t > p.total {
		to["cpu_stolen_percent"] = round(100*(s-p.stolen)/(t-p.total), 1)
	}
}

// usage is the processor time this process has used.
func usage() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("usage: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// ownRSS is the highest resident set of this process in MB.
func ownRSS() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return round(float64(u.Maxrss)/1024, 1)
}

// cpuTimes reads /proc/stat: stolen and total ticks; zero where there is no such file.
func cpuTimes() (stolen, total float64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(line) {
		n, _ := strconv.ParseFloat(f, 64)
		if i >= 1 && i <= 8 { // user nice system idle iowait irq softirq steal
			total += n
		}
		if i == 8 {
			stolen = n
		}
	}
	return stolen, total
}
