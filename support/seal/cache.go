package seal

import (
	"crypto/sha256"
	"sync"
)

// RootCache remembers batch roots whose signatures were verified: the facts of a batch share one signature, so a
// receiver verifies it once. Two generations bound its size. The zero value is ready; nil remembers nothing.
type RootCache struct {
	mu       sync.Mutex
	cur, old map[[32]byte]struct{}
}

const rootCacheSize = 8192

func cacheKey(k PublicKey, msg, sig []byte) [32]byte {
	var stack [768]byte
	b := append(stack[:0], byte(k.Suite))
	b = append(b, k.Bytes...)
	b = append(b, byte(len(sig))) //nolint:gosec // signatures are short; compared only
	b = append(b, sig...)
	b = append(b, msg...)
	return sha256.Sum256(b)
}

func (c *RootCache) seen(k PublicKey, msg, sig []byte) bool {
	if c == nil {
		return false
	}
	key := cacheKey(k, msg, sig)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.cur[key]; ok {
		return true
	}
	_, ok := c.old[key]
	return ok
}

func (c *RootCache) add(k PublicKey, msg, sig []byte) {
	if c == nil {
		return
	}
	key := cacheKey(k, msg, sig)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cur == nil || len(c.cur) >= rootCacheSize {
		c.old, c.cur = c.cur, make(map[[32]byte]struct{}, 64)
	}
	c.cur[key] = struct{}{}
}
