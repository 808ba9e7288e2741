package federation

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// Keys are the secrets of a node. They live in files of mode 0600 in one folder.
type Keys struct {
	Root      *seal.PrivateKey   // signs constitution votes and statements
	Evidence  *seal.PrivateKey   // signs batches of facts, from the first epoch until it is rotated
	LogSeed   ed25519.PrivateKey // signs checkpoints and cosignatures, likewise
	Rotated   []Rotation         // what took their place, in the order of epochs
	CAKey     *ecdsa.PrivateKey
	CA        *x509.Certificate
	Subject   []byte // keys the index from person to fact
	Pseudonym []byte // keys masks of kind hash
}

// GenerateKeys makes the keys of a new node under a suite and writes them to dir; ErrExists if there are keys already.
func GenerateKeys(dir, member string, suite seal.Suite, now time.Time) (*Keys, error) {
	if _, err := os.Stat(filepath.Join(dir, "root.key")); err == nil {
		return nil, ErrExists.With()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("key folder: %w", err)
	}
	root, err := seal.GenerateKey(suite)
	if err != nil {
		return nil, err
	}
	ev, err := seal.GenerateKey(suite)
	if err != nil {
		return nil, err
	}
	_, logSeed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	ca, err := newCA(member, now)
	if err != nil {
		return nil, err
	}
	secrets := make([]byte, 64)
	_, _ = rand.Read(secrets)
	files := []struct {
		name string
		data string
	}{
		{"evidence.key", ev.Marshal()},
		{"log.key", base64.RawURLEncoding.EncodeToString(logSeed.Seed())},
		{"ca.key", ca.keyPEM},
		{"ca.pem", ca.certPEM},
		{"index.key", base64.RawURLEncoding.EncodeToString(secrets)},
		{"root.key", root.Marshal()}, // last: its presence says that the node is complete
	}
	for _, f := range files {
		if err := disk.WriteFile(filepath.Join(dir, f.name), []byte(f.data)); err != nil {
			return nil, err
		}
	}
	return &Keys{Root: root, Evidence: ev, LogSeed: logSeed, CAKey: ca.key, CA: ca.cert, Subject: secrets[:32], Pseudonym: secrets[32:]}, nil
}

// LoadKeys reads the keys of an existing node; ErrNoNode if there is none.
func LoadKeys(dir string) (*Keys, error) {
	read := func(name string) (string, error) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return "", ErrNoNode.Because(err)
		}
		return strings.TrimSpace(string(b)), err
	}
	var k Keys
	text := map[string]string{}
	for _, n := range []string{"root.key", "evidence.key", "log.key", "ca.key", "ca.pem", "index.key"} {
		t, err := read(n)
		if err != nil {
			return nil, err
		}
		text[n] = t
	}
	var err error
	if k.Root, err = seal.ParsePrivateKey(text["root.key"]); err != nil {
		return nil, err
	}
	if k.Evidence, err = seal.ParsePrivateKey(text["evidence.key"]); err != nil {
		return nil, err
	}
	seed, err := base64.RawURLEncoding.DecodeString(text["log.key"])
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, seal.ErrKey.Because(err)
	}
	k.LogSeed = ed25519.NewKeyFromSeed(seed)
	kb, _ := pem.Decode([]byte(text["ca.key"]))
	cb, _ := pem.Decode([]byte(text["ca.pem"]))
	if kb == nil || cb == nil {
		return nil, seal.ErrKey.With()
	}
	if k.CAKey, err = x509.ParseECPrivateKey(kb.Bytes); err != nil {
		return nil, seal.ErrKey.Because(err)
	}
	if k.CA, err = x509.ParseCertificate(cb.Bytes); err != nil {
		return nil, seal.ErrKey.Because(err)
	}
	secrets, err := base64.RawURLEncoding.DecodeString(text["index.key"])
	if err != nil || len(secrets) != 64 {
		return nil, seal.ErrKey.Because(err)
	}
	k.Subject, k.Pseudonym = secrets[:32], secrets[32:]
	k.Rotated, err = loadRotations(dir)
	return &k, err
}

// BundlePEM is the CA certificate as others need it.
func (k *Keys) BundlePEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.CA.Raw}))
}

func trustDomain(member string) string { return member + ".kuayu" }

// authority is a member's own certificate authority, with its files.
type authority struct {
	key             *ecdsa.PrivateKey
	cert            *x509.Certificate
	keyPEM, certPEM string
}

func newCA(member string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("ca key: %w", err)
	}
	cert, err := selfSignedCA(key, member, now)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("ca key: %w", err)
	}
	return &authority{
		key: key, cert: cert, keyPEM: string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})),
		certPEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})),
	}, nil
}

func selfSignedCA(key *ecdsa.PrivateKey, member string, now time.Time) (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Kuayu CA of " + member},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		URIs: []*url.URL{{Scheme: "spiffe", Host: trustDomain(member)}},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("ca certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// IssueLeaf makes a short-lived node certificate: SPIFFE identity spiffe://<member>.kuayu/node/<instance>, and the DNS
// names under which people reach the node's pages.
func (k *Keys) IssueLeaf(member, instance string, dns []string, now time.Time, life time.Duration) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("node key: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: member},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs: []*url.URL{{Scheme: "spiffe", Host: trustDomain(member), Path: "/node/" + instance}}, DNSNames: dns,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, k.CA, key.Public(), k.CAKey)
	if err != nil {
		return nil, nil, fmt.Errorf("node certificate: %w", err)
	}
	return der, key, nil
}

// Origin is the name of the transparency log of one epoch of one instance.
func Origin(l seal.Log) string {
	return fmt.Sprintf("%s.kuayu/%s/e%d", l.Node, l.Instance, l.Epoch)
}

// noteKey encodes an Ed25519 key for the signed-note format with the given algorithm byte.
func noteKey(name string, alg byte, key ed25519.PrivateKey) (skey, vkey string) {
	pub, _ := key.Public().(ed25519.PublicKey)
	pubAlg := append([]byte{alg}, pub...)
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write(pubAlg)
	id := binary.BigEndian.Uint32(h.Sum(nil))
	seedAlg := append([]byte{alg}, key.Seed()...)
	skey = fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(seedAlg))
	vkey = fmt.Sprintf("%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(pubAlg))
	return skey, vkey
}

// CheckpointSigner signs checkpoints of a log; the second result is its verifier key for the statement.
func (k *Keys) CheckpointSigner(l seal.Log) (note.Signer, string, error) {
	_, seed, _ := k.at(l.Epoch)
	skey, vkey := noteKey(Origin(l), 1, seed)
	s, err := note.NewSigner(skey)
	if err != nil {
		return nil, "", fmt.Errorf("checkpoint signer: %w", err)
	}
	return s, vkey, nil
}

// WitnessName is under which name a member cosigns.
func WitnessName(member string) string { return member + ".kuayu/witness" }

// CosignSigner cosigns, in an epoch, the checkpoints of other members with a time (C2SP tlog-cosignature).
func (k *Keys) CosignSigner(member string, epoch uint32) (note.Signer, string, error) {
	_, seed, _ := k.at(epoch)
	skey, vkey := noteKey(WitnessName(member), 1, seed)
	s, err := fnote.NewSignerForCosignatureV1(skey)
	if err != nil {
		return nil, "", fmt.Errorf("cosigner: %w", err)
	}
	cv, err := fnote.VKeyToCosignatureV1(vkey)
	if err != nil {
		return nil, "", fmt.Errorf("cosigner: %w", err)
	}
	return s, cv, nil
}
