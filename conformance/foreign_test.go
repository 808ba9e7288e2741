package conformance

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/exchange/dataspace"
)

func (r *run) raw(method, url, auth string, body []byte) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestStrangers: whoever has no token, or a wrong one, gets nothing but the version.
func TestStrangers(t *testing.T) {
	c := newCounterpart(t)
	s := startNode(t, c.srv.URL)
	r := &run{t: t, c: c, base: "http://" + s.Addr + dataspace.Base, id: "ACN0202"}
	r.begin("request")
	routes := []string{
		"POST /catalog/request", "GET /catalog/datasets/CAT0101", "GET /negotiations/" + r.theirs, "POST /negotiations/request",
		"POST /negotiations/" + r.theirs + "/request", "POST /negotiations/" + r.theirs + "/offers", "POST /negotiations/" + r.theirs + "/agreement",
		"POST /negotiations/" + r.theirs + "/agreement/verification", "POST /negotiations/" + r.theirs + "/events", "POST /negotiations/" + r.theirs + "/termination",
		"GET /transfers/x", "POST /transfers/request", "POST /transfers/x/start", "POST /transfers/x/completion", "POST /transfers/x/suspension", "POST /transfers/x/termination",
		"POST /data/x", "GET /data/x",
	}
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		for _, auth := range []string{"", "Bearer wrong", "Basic " + token, token} {
			code, body := r.raw(method, r.base+path, auth, []byte(`{}`))
			if code != http.StatusUnauthorized || strings.Contains(body, r.theirs) {
				t.Errorf("%s with %q: %d %s", route, auth, code, body)
			}
		}
	}
	if code, _ := r.raw(http.MethodGet, "http://"+s.Addr+dataspace.Root+"/.well-known/dspace-version", "", nil); code != http.StatusOK {
		t.Errorf("version: %d", code)
	}
	r.state("REQUESTED")
}

// TestBadMessages: each is refused with the protocol's error, and nothing is stored.
func TestBadMessages(t *testing.T) {
	c := newCounterpart(t)
	s := startNode(t, c.srv.URL)
	r := &run{t: t, c: c, base: "http://" + s.Addr + dataspace.Base, id: "ACN0202"}
	auth := "Bearer " + token
	good := func(change func(map[string]any)) map[string]any {
		m := r.message("ContractRequestMessage")
		m["consumerPid"], m["callbackAddress"], m["offer"] = "c1", c.srv.URL, r.offer()
		change(m)
		return m
	}
	for name, m := range map[string]map[string]any{
		"another type":              good(func(m map[string]any) { m["@type"] = "ContractOfferMessage" }),
		"no context":                good(func(m map[string]any) { delete(m, "@context") }),
		"a foreign context":         good(func(m map[string]any) { m["@context"] = []string{"https://example.org/x"} }),
		"no consumerPid":            good(func(m map[string]any) { delete(m, "consumerPid") }),
		"no offer":                  good(func(m map[string]any) { delete(m, "offer") }),
		"callback and providerPid":  good(func(m map[string]any) { m["providerPid"] = "p" }),
		"neither of them":           good(func(m map[string]any) { delete(m, "callbackAddress") }),
		"a callback elsewhere":      good(func(m map[string]any) { m["callbackAddress"] = "http://169.254.169.254/latest" }),
		"an unknown dataset":        good(func(m map[string]any) { m["offer"].(map[string]any)["target"] = "NONE" }),    //nolint:forcetypeassert // a test
		"an offer without rules":    good(func(m map[string]any) { delete(m["offer"].(map[string]any), "permission") }), //nolint:forcetypeassert // a test
		"a consumerPid of 2 KiB":    good(func(m map[string]any) { m["consumerPid"] = strings.Repeat("x", 2048) }),
		"the application of others": good(func(m map[string]any) { m["offer"] = "offer" }),
	} {
		code, got := r.post(r.base+"/negotiations/request", m)
		if code/100 != 4 || got["@type"] != "ContractNegotiationError" || got["code"] == nil || got["code"] == "internal" {
			t.Errorf("%s: %d %v", name, code, got)
		}
	}
	for name, body := range map[string][]byte{
		"not JSON": []byte("{"), "not UTF-8": []byte("{\"@type\":\"\xff\"}"), "10 MB": bytes.Repeat([]byte(" "), 10<<20), "a list": []byte("[]"), "empty": {},
	} {
		if code, got := r.raw(http.MethodPost, r.base+"/negotiations/request", auth, body); code/100 != 4 || strings.Contains(got, "goroutine") {
			t.Errorf("%s: %d %s", name, code, got)
		}
	}
	// The same id: the same answer for the same bytes, a refusal for others.
	m := good(func(map[string]any) {})
	code, first := r.post(r.base+"/negotiations/request", m)
	again, second := r.post(r.base+"/negotiations/request", m)
	if code != http.StatusCreated || again != http.StatusOK || fmt.Sprint(first) != fmt.Sprint(second) {
		t.Errorf("sent twice: %d %v, %d %v", code, first, again, second)
	}
	m["consumerPid"] = "c2"
	if code, got := r.post(r.base+"/negotiations/request", m); code != http.StatusConflict || got["code"] != "dataspace.reused" {
		t.Errorf("id used again: %d %v", code, got)
	}
	// A process that is not the participant's, or does not exist, looks the same.
	if code, got := r.do(http.MethodGet, r.base+"/negotiations/nobody", nil); code != http.StatusNotFound || got["@type"] != "ContractNegotiationError" {
		t.Errorf("unknown process: %d %v", code, got)
	}
}

// TestData: a started transfer opens the rows its agreement allows, to its token alone, and only while it runs.
func TestData(t *testing.T) {
	c := newCounterpart(t)
	s := startNode(t, c.srv.URL)
	r := &run{t: t, c: c, base: "http://" + s.Addr + dataspace.Base, id: "ATP0203", transfer: true}
	r.begin("request")
	a := r.take(r.ours)
	address, _ := a.body["dataAddress"].(map[string]any)
	endpoint, _ := address["endpoint"].(string)
	var key string
	props, _ := address["endpointProperties"].([]any)
	for _, p := range props {
		if m, _ := p.(map[string]any); m["name"] == "authorization" {
			key, _ = m["value"].(string)
		}
	}
	if endpoint == "" || key == "" {
		t.Fatalf("address: %v", address)
	}
	code, body := r.raw(http.MethodGet, endpoint, "Bearer "+key, nil)
	if code != http.StatusOK || !strings.Contains(body, `"value":"a"`) || !strings.Contains(body, `"value":"b"`) {
		t.Fatalf("data: %d %s", code, body)
	}
	code, body = r.raw(http.MethodPost, endpoint, "Bearer "+key, []byte(`{"plan":{"project":["value"],"where":{"op":"eq","item":"id","values":[2]}}}`))
	if code != http.StatusOK || strings.Contains(body, `"value":"a"`) || !strings.Contains(body, `"value":"b"`) || strings.Contains(body, `"id"`) {
		t.Fatalf("plan: %d %s", code, body)
	}
	for name, body := range map[string]string{"a field not granted": `{"plan":{"project":["other"]}}`, "another purpose": `{"purpose":"other"}`, "an unknown member": `{"x":1}`} {
		if code, got := r.raw(http.MethodPost, endpoint, "Bearer "+key, []byte(body)); code/100 != 4 || strings.Contains(got, `"rows"`) {
			t.Errorf("%s: %d %s", name, code, got)
		}
	}
	if code, _ := r.raw(http.MethodGet, endpoint, "Bearer "+token, nil); code != http.StatusUnauthorized {
		t.Errorf("with the participant's token: %d", code)
	}
	r.send("suspension", true)
	if code, got := r.raw(http.MethodGet, endpoint, "Bearer "+key, nil); code != http.StatusPreconditionFailed || strings.Contains(got, `"rows"`) {
		t.Errorf("suspended: %d %s", code, got)
	}
}
