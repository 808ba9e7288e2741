// Package wire reads bodies of messages between nodes: strictly what this version of a message knows, leniently what a
// newer one adds, so that members need not upgrade on one day. A message says its version in the member "v"; a node takes
// its own version, older ones, and newer ones without what it does not know (invariant 10).
package wire

import (
	"bytes"
	"encoding/json"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
)

// The errors of this package.
var (
	ErrVersion = errs.Define(errs.Invalid, "wire.version", "消息缺少版本号。", "The message does not say its version.")
	ErrNewer   = errs.Define(errs.Invalid, "wire.newer", "无法读取较新版本的消息。", "The message is of a newer version that cannot be read.")
)

// Decode reads a message into v. known is the version of v's type: what is unknown in a message of that version or an
// older one is refused, in a newer one it is left out of account.
func Decode(b []byte, known int, v any) error {
	var head struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(b, &head); err != nil || head.V <= known {
		if err := httpx.Unmarshal(b, v); err != nil {
			return err
		}
		if head.V < 1 {
			return ErrVersion.With()
		}
		return nil
	}
	// Text is held to the same rules, whatever the version.
	var any json.RawMessage
	if err := httpx.Unmarshal(b, &any); err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(v); err != nil {
		return ErrNewer.Because(err)
	}
	return nil
}
