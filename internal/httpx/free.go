package httpx

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
)

// given counts the ports given out in this process: none is given twice, so that a server which restarts finds its own.
var given atomic.Uint32 //nolint:gochecknoglobals // ports belong to the machine

// FreeAddr finds a loopback address that a server can listen on later. Its port is below the range from which the system
// takes those of port 0 and of outgoing connections (32768 and up on Linux): one of them could take it in between.
func FreeAddr() (string, error) {
	var err error
	for range 1000 {
		n := (uint32(os.Getpid())*611 + given.Add(1)) % 20_000 //nolint:gosec // spreads processes
		addr := fmt.Sprintf("127.0.0.1:%d", 12_000+n)
		l, lerr := net.Listen("tcp", addr) //nolint:noctx // closed at once
		if lerr == nil {
			return addr, l.Close()
		}
		err = lerr
	}
	return "", fmt.Errorf("free port: %w", err)
}
