package folder

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/federation"
)

// Lock makes sure that no node runs in a folder, until the function returned is called.
func Lock(dir string) (func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, cli.ErrFile.Because(err, filepath.Join(dir, "lock"))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, node.ErrInUse.Because(err)
	}
	return func() { _ = f.Close() }, nil
}

// Open wires the node in a folder after asking for what an operator can correct: the lock, the database, the ports. A quiet
// node logs nothing, for commands that only need its packages.
func Open(ctx context.Context, dir string, quiet bool) (*node.Node, error) {
	c, err := node.LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	unlock, err := Lock(dir)
	if err != nil {
		return nil, err
	}
	unlock()
	b, err := db.Open(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.Close(), PortsFree(&c)); err != nil {
		return nil, err
	}
	var o node.Options
	if quiet {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return node.Open(ctx, dir, o)
}

// Offline is a node of which only configuration and keys are there: enough to speak of itself, even while it runs.
func Offline(dir string) (*node.Node, error) {
	c, err := node.LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	if federation.Taking(filepath.Join(dir, "keys")) {
		return nil, node.ErrRekeying.With()
	}
	keys, err := federation.LoadKeys(filepath.Join(dir, "keys"))
	return &node.Node{Config: c, Dir: dir, Keys: keys}, err
}

// PortsFree refuses before anything is written what could not be served afterwards.
func PortsFree(c *node.Config) error {
	for _, addr := range []string{c.Listen.Peer, c.Listen.Staff, c.Listen.Public, c.Listen.Admin} {
		if addr == "off" {
			continue
		}
		l, err := net.Listen("tcp", addr) //nolint:noctx // closed at once
		if err != nil {
			return node.ErrConfig.Because(err, "cannot listen on "+addr+"; choose others with --listen-peer and the like", "无法监听 "+addr+"，请用 --listen-peer 等另选地址")
		}
		_ = l.Close()
	}
	return nil
}
