package node

import (
	"net/http"
	"syscall"
	"time"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/peer"
)

// The limits of all listeners.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = time.Minute
	bodyTimeout   = 15 * time.Second
	minBodyRate   = 4 << 10 // bytes a second
)

// limitsOf are the limits of a listener. files is how many file handles the process may have: connections never take so
// many that evidence and database are left with none.
func limitsOf(listener string, files int) httpx.Limits {
	l := httpx.Limits{
		Conns: 2048, PerAddress: 512, Concurrent: 256, Header: headerTimeout, Idle: idleTimeout, Body: bodyTimeout, MinRate: minBodyRate, BodyBytes: 1 << 20,
	}
	share := files / 10
	switch listener {
	case "peer": // a member's nodes may come from one address, each with as many connections as a link keeps
		l.Conns, l.PerAddress, l.Concurrent, l.BodyBytes = 4096, 2048, 1024, peer.MaxMessage+64<<10
		share = files / 4
	case "staff": // a document that is uploaded, and what is around it in the form
		l.BodyBytes = 33 << 20
		share = files / 4
	case "admin":
		l.Conns, l.PerAddress = 64, 64
		share = files / 20
	}
	l.Conns = min(l.Conns, max(share, 8))
	l.PerAddress = min(l.PerAddress, l.Conns)
	return l
}

// handles is how many file handles this process may have.
func handles() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return int(min(r.Cur, 1<<20))
}

// budget makes the budget of a listener; members are known by their certificates.
func (n *Node) budget(listener string) *httpx.Budget {
	caller := httpx.CallerOf
	if listener == "peer" {
		caller = memberOf
	}
	return httpx.NewBudget(limitsOf(listener, handles()), caller, n.refused(listener))
}

// refused counts what a listener refuses.
func (n *Node) refused(listener string) func(reason string) {
	return func(reason string) { n.Metrics.Refused.WithLabelValues(listener, reason).Inc() }
}

func memberOf(r *http.Request) string {
	if t := r.TLS; t != nil && len(t.PeerCertificates) > 0 {
		member, instance := federation.MemberOf(t.PeerCertificates[0])
		return member + "/" + instance
	}
	return httpx.CallerOf(r)
}
