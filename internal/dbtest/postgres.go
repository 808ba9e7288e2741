package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/httpx"
)

// server is the one PostgreSQL of this test process.
type server struct {
	mu   sync.Mutex
	dsn  string
	stop func()
	uses int
	next int
}

var postgres server //nolint:gochecknoglobals // one server per test process

// Postgres gives the connection string of a fresh, empty database on a server of this test process. The server starts
// with the first use and stops when the last test that uses it ends. Without PostgreSQL on the machine the test is
// skipped, unless KUAYU_REQUIRE_SERVICES is 1.
func Postgres(t testing.TB) string {
	t.Helper()
	postgres.mu.Lock()
	defer postgres.mu.Unlock()
	if postgres.uses == 0 {
		Available(t)
		if err := postgres.start(findPostgres()); err != nil {
			t.Fatal("PostgreSQL did not start: ", err)
		}
	}
	postgres.uses++
	t.Cleanup(func() {
		postgres.mu.Lock()
		defer postgres.mu.Unlock()
		if postgres.uses--; postgres.uses == 0 {
			postgres.stop()
		}
	})
	postgres.next++
	name := "test" + strconv.Itoa(postgres.next)
	if err := postgres.create(t.Context(), name); err != nil {
		t.Fatal("no database: ", err)
	}
	return postgres.dsn + name
}

// findPostgres finds the folder of initdb and postgres: on the path, or where distributions put them.
func findPostgres() string {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	more, _ := filepath.Glob("/usr/pgsql-*/bin/initdb")
	found = append(found, more...)
	if len(found) == 0 {
		return ""
	}
	sort.Strings(found)
	return filepath.Dir(found[len(found)-1])
}

func (s *server) start(bin string) (err error) {
	dir, err := os.MkdirTemp("", "kuayu-pg-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 { // the server refuses to run as root
		uid, gid := 65534, 65534
		if u, err := user.Lookup("postgres"); err == nil {
			uid, _ = strconv.Atoi(u.Uid)
			gid, _ = strconv.Atoi(u.Gid)
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			return err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(dir, "data")
	run := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...) //nolint:gosec,noctx // a test helper; stopped by its cleanup
		c.SysProcAttr, c.Dir = attr, dir
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + dir, "TZ=UTC"}
		return c
	}
	// A linguistic default collation, so that tests see what a real database would do to text.
	init := []string{"-D", data, "-U", "kuayu", "-A", "trust", "-E", "UTF8", "--no-sync"}
	if out, err := run("initdb", append(init, "--locale-provider=icu", "--icu-locale=zh")...).CombinedOutput(); err != nil {
		_ = os.RemoveAll(data)
		if out2, err2 := run("initdb", init...).CombinedOutput(); err2 != nil {
			return fmt.Errorf("initdb: %w: %s %s", err2, out, out2)
		}
	}
	addr, err := httpx.FreeAddr()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := run("postgres", "-D", data, "-p", addr[strings.LastIndex(addr, ":")+1:], "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=60", "-c", "shared_buffers=64MB")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	s.dsn = fmt.Sprintf("postgres://kuayu@%s/", addr)
	s.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT) // immediate: the data is thrown away
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-gone
		}
		_ = os.RemoveAll(dir)
	}
	for range 200 {
		select {
		case <-gone:
			b, _ := os.ReadFile(log.Name())
			return fmt.Errorf("server ended: %s", b)
		case <-time.After(50 * time.Millisecond):
		}
		if s.ping() == nil {
			return nil
		}
	}
	s.stop()
	return errors.New("server does not answer")
}

func (s *server) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return execSQL(ctx, s.dsn+"postgres", "SELECT 1")
}

func (s *server) create(ctx context.Context, name string) error {
	return execSQL(ctx, s.dsn+"postgres", "CREATE DATABASE "+name)
}

// Present tells whether there is a PostgreSQL on this machine.
func Present() bool { return findPostgres() != "" }

// Available skips the test without PostgreSQL, or fails it if KUAYU_REQUIRE_SERVICES is 1.
func Available(t testing.TB) {
	t.Helper()
	if Present() {
		return
	}
	if os.Getenv("KUAYU_REQUIRE_SERVICES") == "1" {
		t.Fatal("no PostgreSQL on this machine, and KUAYU_REQUIRE_SERVICES=1")
	}
	t.Skip("no PostgreSQL on this machine")
}
