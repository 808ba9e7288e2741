package main

import (
	"net/url"

	"github.com/kuayu/kuayu/cmd/cli"
)

// app is what every command gets: the session, and what several commands do with it.
type app struct{ cli.Session }

// seg makes one segment of a path of a text that may hold slashes.
func seg(s string) string { return url.PathEscape(s) }

// with adds the parameters that are not empty: name, value, name, value …
func with(path string, kv ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			q.Set(kv[i], kv[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
