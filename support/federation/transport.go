package federation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// Identity is the node's own certificate, replaced in place when it is renewed.
type Identity struct {
	svid atomic.Pointer[x509svid.SVID]
	leaf atomic.Pointer[tls.Certificate]
}

// NewIdentity issues the first certificate of a node.
func NewIdentity(k *Keys, member, instance string, dns []string, now time.Time) (*Identity, error) {
	i := &Identity{}
	return i, i.Renew(k, member, instance, dns, now)
}

// leafLife is how long a node certificate lives; it is renewed at each start and daily.
const leafLife = 7 * 24 * time.Hour

// Renew issues a new certificate; connections made from now on use it.
func (i *Identity) Renew(k *Keys, member, instance string, dns []string, now time.Time) error {
	der, key, err := k.IssueLeaf(member, instance, dns, now, leafLife)
	if err != nil {
		return err
	}
	return i.set(der, key)
}

func (i *Identity) set(der []byte, key *ecdsa.PrivateKey) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("node certificate: %w", err)
	}
	id, err := spiffeid.FromURI(cert.URIs[0])
	if err != nil {
		return fmt.Errorf("node certificate: %w", err)
	}
	i.svid.Store(&x509svid.SVID{ID: id, Certificates: []*x509.Certificate{cert}, PrivateKey: crypto.Signer(key)})
	i.leaf.Store(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert})
	return nil
}

// GetX509SVID implements x509svid.Source.
func (i *Identity) GetX509SVID() (*x509svid.SVID, error) { return i.svid.Load(), nil }

// Certificate is the certificate for the staff, public and admin listeners.
func (i *Identity) Certificate() *tls.Certificate { return i.leaf.Load() }

// ServerTLS is the configuration of the peer listener: TLS 1.3, members only.
func ServerTLS(i *Identity, d *Directory) *tls.Config {
	c := tlsconfig.MTLSServerConfig(i, d, tlsconfig.AuthorizeAny())
	c.MinVersion = tls.VersionTLS13
	return c
}

// ClientTLS is the configuration towards one member: TLS 1.3, and the other end must be that member.
func ClientTLS(i *Identity, d *Directory, member string) (*tls.Config, error) {
	td, err := spiffeid.TrustDomainFromString(trustDomain(member))
	if err != nil {
		return nil, ErrNotMember.With(member)
	}
	c := tlsconfig.MTLSClientConfig(i, d, tlsconfig.AuthorizeMemberOf(td))
	c.MinVersion = tls.VersionTLS13
	return c, nil
}

// StaffTLS is the configuration of the staff, public and admin listeners: the node's own certificate.
func StaffTLS(i *Identity) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.Certificate(), nil },
	}
}
