package notice

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"testing"
	"time"
)

// server is a real mail server, a process of its own.
type server struct {
	dir, ca string
	port    int
}

// received is a mail as the server took it.
type received struct {
	From    string   `json:"from"`
	To      []string `json:"to"`
	TLS     bool     `json:"tls"`
	Content string   `json:"content"`
}

// python finds an interpreter with the mail server's library: Debian's own, or the first on the path.
func python() string {
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import aiosmtpd").Run() == nil {
			return name
		}
	}
	return ""
}

// smtpServer starts the server. Without it on the machine the test is skipped, unless KUAYU_REQUIRE_SERVICES is 1.
func smtpServer(t *testing.T, mode string) *server {
	t.Helper()
	py := python()
	if py == "" {
		if os.Getenv("KUAYU_REQUIRE_SERVICES") == "1" {
			t.Fatal("no mail server (python3-aiosmtpd) on this machine, and KUAYU_REQUIRE_SERVICES=1")
		}
		t.Skip("no mail server (python3-aiosmtpd) on this machine")
	}
	s := &server{dir: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cert, key := certificate(t, s.dir)
	s.ca = cert
	cmd := exec.Command(py, filepath.Join("testdata", "smtpd.py"), strconv.Itoa(s.port), s.dir, mode, cert, key)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the mail server did not start: %q %v", line, err)
	}
	return s
}

// certificate makes a certificate of 127.0.0.1 and its key as files.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "mail.pem"), filepath.Join(dir, "mail.key")
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// mails are what the server took, in order.
func (s *server) mails(t *testing.T) []received {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(names)
	out := make([]received, len(names))
	for i, n := range names {
		b, err := os.ReadFile(n)
		if err == nil {
			err = json.Unmarshal(b, &out[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// config is how to reach it.
func (s *server) config(t *testing.T, mode string) MailConfig {
	t.Helper()
	c := MailConfig{Host: "127.0.0.1", Port: s.port, From: "kuayu@zj.example", TLS: mode, Link: "https://zj.example"}
	if mode != Plain {
		c.CAFile, c.Username, c.PasswordFile = s.ca, "kuayu", filepath.Join(s.dir, "password")
		if err := os.WriteFile(c.PasswordFile, []byte("secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c.Defaults("")
}
