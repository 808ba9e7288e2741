package dataspace

import (
	"encoding/json"
	"testing"

	"github.com/kuayu/kuayu/exchange/agreement"
)

// FuzzForeign: no message of another implementation makes the decoder fall, and what it accepts is bounded and of the
// type asked for.
func FuzzForeign(f *testing.F) {
	for _, s := range []string{
		`{"@context":["https://w3id.org/dspace/2025/1/context.jsonld"],"@type":"ContractRequestMessage","consumerPid":"c","offer":{"@type":"Offer","@id":"o","permission":{"action":"use"}}}`,
		`{"@context":"https://w3id.org/dspace/2025/1/context.jsonld","@type":"ContractRequestMessage","reason":[{"message":"x"},"y"]}`,
		`{"@context":[{"x":"y"}],"@type":"ContractRequestMessage"}`, `{"@context":7}`, `[]`, `null`, `{"reason":{"a":1}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseForeign(b, "ContractRequestMessage")
		if err != nil {
			return
		}
		if m.Type != "ContractRequestMessage" || len(m.ConsumerPid) > maxText || m.Department != "" || (m.Offer != nil && m.Offer.Application != nil) {
			t.Fatalf("accepted: %+v", m)
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTransferMachine: the whole table of the protocol.
func TestTransferMachine(t *testing.T) {
	allowed := map[TransferState]map[TransferEvent]TransferState{
		Requested: {Start: Started, Terminate: Terminated},
		Started:   {Complete: Completed, Suspend: Suspended, Terminate: Terminated},
		Suspended: {Start: Started, Terminate: Terminated},
	}
	for _, s := range []TransferState{Requested, Started, Suspended, Completed, Terminated} {
		for _, e := range []TransferEvent{Start, Complete, Suspend, Terminate} {
			for _, who := range []agreement.Role{agreement.Provider, agreement.Consumer} {
				want, ok := allowed[s][e]
				if s == Requested && e == Start && who == agreement.Consumer {
					ok = false // only the provider starts what was requested
				}
				got, err := NextTransfer(s, e, who)
				if (err == nil) != ok || (ok && got != want) || (!ok && got != s) {
					t.Errorf("%s in %s by %s: %s %v", e, s, who, got, err)
				}
			}
		}
		if (len(allowed[s]) == 0) != s.Final() {
			t.Errorf("%s final: %v", s, s.Final())
		}
	}
}
