package cli

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
)

// MaxFile bounds what is read from a file or standard input, in bytes.
const MaxFile = 64 << 20

// OfficerKey is the file in a node's folder in which an officer's key lies unless another is named.
func OfficerKey(dir, actor string) string { return filepath.Join(dir, "officers", actor+".key") }

func readKey(file string) (ed25519.PrivateKey, error) {
	st, err := os.Stat(file)
	if err != nil {
		return nil, ErrKeyFile.Because(err, file, "it is not there", "文件不存在")
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, ErrKeyFile.With(file, "others may read it; chmod 600 it", "其他用户可读，请 chmod 600")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, ErrKeyFile.Because(err, file, "it cannot be read", "无法读取")
	}
	seed, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, ErrKeyFile.With(file, "it is no Ed25519 seed in base64url", "不是 base64url 的 Ed25519 种子")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// NewKey writes a new key to a file that must not exist, and returns the public key as the API wants it.
func NewKey(file string) (string, error) {
	if _, err := os.Lstat(file); err == nil {
		return "", ErrKeyFile.With(file, "it exists; nothing was overwritten", "文件已存在，未覆盖")
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("officer key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", ErrFile.Because(err, file)
	}
	text := base64.RawURLEncoding.EncodeToString(priv.Seed()) + "\n"
	return base64.RawURLEncoding.EncodeToString(pub), Save(file, []byte(text))
}

// Save writes a file durably, mode 0600.
func Save(file string, b []byte) error {
	if err := disk.WriteFile(file, b); err != nil {
		return ErrFile.Because(err, file)
	}
	return nil
}

// Read reads a file, or standard input for "-".
func (s *Session) Read(file string) ([]byte, error) {
	r := s.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, ErrFile.Because(err, file)
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil || len(b) > MaxFile {
		return nil, ErrFile.Because(err, file)
	}
	return b, nil
}

// ReadJSON reads a JSON file strictly: an unknown member is a mistake, not an extension.
func (s *Session) ReadJSON(file string, v any) error {
	b, err := s.Read(file)
	if err != nil {
		return err
	}
	return DecodeJSON(file, b, v)
}

// DecodeJSON decodes strictly what came from a place that the error names.
func DecodeJSON(from string, b []byte, v any) error {
	if err := httpx.Unmarshal(bytes.TrimSpace(b), v); err != nil {
		e := errs.As(err) // its words are enough: what the decoder says is for programmers
		return ErrJSON.With(from, e.En, e.Zh)
	}
	return nil
}

// Deliver writes bytes to a file, or to standard output if none is named.
func (s *Session) Deliver(file string, b []byte) error {
	if file != "" && file != "-" {
		return Save(file, b)
	}
	_, err := s.Out.Write(b)
	return err
}
