package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
)

// commands says which command uses each route: the table is complete, or the test fails. FILE is replaced by a file with
// the JSON that follows it.
var commands = map[string]string{
	"POST /api/v1/session":                           "whoami",
	"GET /api/v1/session":                            "whoami",
	"DELETE /api/v1/session":                         "whoami",
	"GET /api/v1/cases":                              "case list",
	"GET /api/v1/todos":                              "case list --todo",
	"GET /api/v1/cases/{id}":                         "case show x",
	"POST /api/v1/cases/{id}/{event}":                "case act x approve",
	"GET /api/v1/processes":                          "process list --live",
	"GET /api/v1/processes/{kind}":                   "process show agreement --live",
	"GET /api/v1/departments":                        "department list",
	"POST /api/v1/departments":                       "department add 11330000MY00000120 部门",
	"GET /api/v1/actors":                             "user list",
	"POST /api/v1/actors":                            "user add u --name 名 --role auditor --department 11330000MY00000120 --public-key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	"DELETE /api/v1/actors/{id}":                     "user disable u",
	"GET /api/v1/sign-ins":                           "signins",
	"POST /api/v1/sources":                           "source add s --department 11330000MY00000120 --kind postgres --location postgres://x",
	"GET /api/v1/sources":                            "source list",
	"GET /api/v1/sources/{id}/tables":                "source tables s",
	"GET /api/v1/sources/{id}/tables/{table}/sample": "source sample s t",
	"PUT /api/v1/resources/{code}":                   `catalog save FILE {"resource":{"code":"330000/x"}}`,
	"GET /api/v1/resources":                          "catalog list",
	"GET /api/v1/resources/{code}":                   "catalog status 330000/x",
	"DELETE /api/v1/resources/{code}":                "catalog discard 330000/x",
	"GET /api/v1/entries":                            "catalog review",
	"GET /api/v1/resources/{code}/history":           "catalog history 330000/x",
	"POST /api/v1/resources/{code}/assessments":      "catalog assess 330000/x --assessor 保密办 --text 未见风险 --digest 00",
	"POST /api/v1/resources/{code}/submit":           "catalog submit 330000/x",
	"POST /api/v1/resources/{code}/sign":             "catalog sign 330000/x",
	"POST /api/v1/resources/{code}/return":           "catalog return 330000/x --reason 理由",
	"POST /api/v1/resources/{code}/publish":          "catalog review approve 330000/x",
	"POST /api/v1/resources/{code}/reject":           "catalog review reject 330000/x --reason 理由",
	"POST /api/v1/resources/{code}/withdraw":         "catalog withdraw 330000/x --reason 理由",

	"GET /api/v1/resources/{code}/versions":           "catalog versions 330000/x",
	"GET /api/v1/resources/{code}/versions/{version}": "catalog versions 330000/x --number 2",
	"GET /api/v1/resources/{code}/diff":               "catalog diff 330000/x 1 2",
	"GET /api/v1/resources/{code}/mount":              "catalog mount 330000/x",
	"POST /api/v1/resources/{code}/violations":        "catalog breach 330000/x --kind P3 --note 不配合",
	"GET /api/v1/register":                            "catalog register",
	"POST /api/v1/register":                           "catalog register name 姓名 --department 11330000MY00000120 --name 公安",
	"DELETE /api/v1/register/{item}":                  "catalog register end 姓名",
	"GET /api/v1/source-conflicts":                    "catalog register conflicts",
	"GET /api/v1/responsibilities":                    "catalog lists",
	"GET /api/v1/negative-list":                       "catalog lists negative",
	"POST /api/v1/catalog-import":                     "catalog import FILE 资源代码",
	"GET /api/v1/catalog-export":                      "catalog export",
	"POST /api/v1/resources/{code}/file-withdrawal":   "catalog file-withdrawal 330000/x",
	"POST /api/v1/resources/{code}/refuse-withdrawal": "catalog refuse-withdrawal 330000/x --reason 理由",
	"POST /api/v1/resources/{code}/change-noted":      "catalog change-noted 330000/x --what 修法 --since 2026-01-01",
	"POST /api/v1/resources/{code}/extend":            "catalog extend 330000/x --days 5 --reason 理由",
	"POST /api/v1/resources/{code}/consent-extension": "catalog consent-extend 330000/x",
	"POST /api/v1/resources/{code}/refuse-extension":  "catalog refuse-extend 330000/x --reason 理由",

	"GET /api/v1/catalog/{member}":                  "catalog list shanghai",
	"GET /api/v1/catalog/{member}/{code}":           "catalog show shanghai 330000/x",
	"POST /api/v1/applications":                     "request new --file FILE {}",
	"GET /api/v1/applications":                      "request list",
	"GET /api/v1/applications/{id}":                 "request show r",
	"GET /api/v1/applications/{id}/history":         "request history r",
	"POST /api/v1/applications/{id}/consent":        "request consent r",
	"POST /api/v1/applications/{id}/return":         "request send-back r --reason 理由",
	"POST /api/v1/applications/{id}/correct":        "request correct r FILE {}",
	"POST /api/v1/applications/{id}/answer":         "request answer r",
	"POST /api/v1/applications/{id}/offer":          "request offer r --fields x",
	"POST /api/v1/applications/{id}/accept":         "request accept r",
	"POST /api/v1/applications/{id}/resubmit":       "request resubmit r FILE {}",
	"POST /api/v1/agreements/{id}/transfers":        "transfer new a",
	"GET /api/v1/transfers":                         "transfer list",
	"GET /api/v1/transfers/{id}":                    "transfer show t",
	"POST /api/v1/transfers/{id}/move":              "transfer move t termination",
	"POST /api/v1/applications/{id}/consent-answer": "request consent-answer r",
	"POST /api/v1/applications/{id}/return-answer":  "request return r --reason 理由",
	"POST /api/v1/applications/{id}/refuse":         "request refuse r --reason 理由",
	"POST /api/v1/applications/{id}/withdraw":       "request withdraw r --reason 理由",
	"GET /api/v1/deadlines":                         "deadline list",
	"GET /api/v1/applications/{id}/deadlines":       "deadline of r",
	"GET /api/v1/violations":                        "deadline violations",
	"GET /api/v1/notices":                           "inbox",
	"POST /api/v1/notices/{id}/read":                "inbox read n",
	"GET /api/v1/notices/preferences":               "inbox preferences",
	"PUT /api/v1/notices/preferences":               "inbox preferences --mail a@b.cn",
	"GET /api/v1/webhooks":                          "webhook list",
	"POST /api/v1/webhooks":                         "webhook add 11330000MY00000120 https://x.cn/ --secret-file FILE 0123456789abcdef0123456789abcdef",
	"POST /api/v1/webhooks/{id}/enable":             "webhook enable w",
	"GET /api/v1/jobs":                              "job list",
	"GET /api/v1/jobs/{id}":                         "job show peer.send/1",
	"POST /api/v1/jobs/{id}/retry":                  "job retry peer.send/1",
	"POST /api/v1/jobs/{id}/drop":                   "job drop peer.send/1 --reason 理由",
	"DELETE /api/v1/webhooks/{id}":                  "webhook remove w",
	"POST /api/v1/standing-consents":                "standing add FILE {}",
	"GET /api/v1/search":                            "catalog search 登记",
	"GET /api/v1/search/members":                    "catalog members",
	"POST /api/v1/search/refresh":                   "catalog refresh",

	"POST /api/v1/applications/{id}/supplement":        "request supplement r --missing 依据=缺少条文",
	"POST /api/v1/applications/{id}/supply":            "request supply r --text 依据=第十二条",
	"POST /api/v1/applications/{id}/consent-supply":    "request consent-supply r",
	"POST /api/v1/applications/{id}/extend":            "request extend r --days 5 --reason 理由",
	"POST /api/v1/applications/{id}/consent-extension": "request consent-extend r",
	"POST /api/v1/applications/{id}/refuse-extension":  "request refuse-extend r --reason 理由",
	"POST /api/v1/agreements/{id}/change":              "agreement change a --reason 理由 --file FILE {}",
	"POST /api/v1/agreements/{id}/consent-change":      "agreement consent-change a",
	"POST /api/v1/agreements/{id}/answer-change":       "agreement answer-change a --refuse phone=不必要",
	"POST /api/v1/agreements/{id}/grant-change":        "agreement grant-change a",
	"POST /api/v1/agreements/{id}/decline-change":      "agreement decline-change a --reason 理由",
	"GET /api/v1/agreements/{id}/versions":             "agreement versions a",
	"POST /api/v1/agreements/{id}/suspend":             "agreement suspend a --reason 理由",
	"POST /api/v1/agreements/{id}/rectify":             "agreement rectify a --what 停止外传 --by 2099-01-01",
	"POST /api/v1/agreements/{id}/rectified":           "agreement rectified a --report 已整改",
	"POST /api/v1/agreements/{id}/resume":              "agreement resume a --reason 理由",
	"POST /api/v1/agreements/{id}/dispose":             "agreement dispose a --method 覆写 --scope 全部 --by 2099-01-01",
	"POST /api/v1/agreements/{id}/destroyed":           "agreement destroyed a --method 覆写 --scope 全部 --date 2026-01-01 --officer 责任人",
	"POST /api/v1/agreements/{id}/ledger":              "agreement record a --part effect --text 成效",
	"GET /api/v1/agreements/{id}/ledger":               "agreement ledger a",
	"POST /api/v1/agreements/{id}/corrections":         "correction new a --record uscc=x --received name=甲 --claimed name=乙 --reason 理由",
	"GET /api/v1/corrections":                          "correction list",
	"GET /api/v1/corrections/{id}":                     "correction show c",
	"POST /api/v1/corrections/{id}/answer":             "correction answer c --corrected name=乙",
	"GET /api/v1/refetches":                            "refetch list",
	"POST /api/v1/refetches/{id}/done":                 "refetch done r",
	"POST /api/v1/demands":                             `demand new FILE {}`,
	"GET /api/v1/demands":                              "demand list",
	"GET /api/v1/demands/{id}":                         "demand show d",
	"GET /api/v1/demands/{id}/matches":                 "demand matches d",
	"GET /api/v1/demands/{id}/candidates":              "demand candidates d",
	"POST /api/v1/demands/{id}/consent":                "demand consent d",
	"POST /api/v1/demands/{id}/return":                 "demand return d --reason 理由",
	"POST /api/v1/demands/{id}/withdraw":               "demand withdraw d",
	"POST /api/v1/demands/{id}/satisfy":                "demand satisfy d --application a",
	"POST /api/v1/demands/{id}/assign":                 "demand assign d --department x",
	"POST /api/v1/demands/{id}/reply":                  "demand reply d --resource 330000/x",
	"POST /api/v1/schemes":                             `scheme propose FILE {}`,
	"GET /api/v1/schemes":                              "scheme list",
	"GET /api/v1/schemes/{id}":                         "scheme show s",
	"GET /api/v1/schemes/{id}/versions":                "scheme versions s",
	"GET /api/v1/schemes/{id}/enrolments":              "scheme users s",
	"POST /api/v1/schemes/{id}/consent":                "scheme consent s",
	"POST /api/v1/schemes/{id}/decline":                "scheme decline s --reason 理由",
	"POST /api/v1/schemes/{id}/join":                   "scheme join s",
	"POST /api/v1/schemes/{id}/enrol":                  "scheme enrol s --basis 条文 --scenario 场景",
	"POST /api/v1/schemes/{id}/consent-enrolment":      "scheme admit s",
	"POST /api/v1/schemes/{id}/leave":                  "scheme leave s --reason 理由",
	"POST /api/v1/schemes/{id}/close":                  "scheme close s --reason 理由",
	"POST /api/v1/disputes":                            "dispute open --about agreement --id a --claim 主张",
	"GET /api/v1/disputes":                             "dispute list",
	"GET /api/v1/disputes/{id}":                        "dispute show d",
	"POST /api/v1/disputes/{id}/papers":                "dispute paper d --text 材料",
	"POST /api/v1/disputes/{id}/propose":               "dispute propose d --text 条件",
	"POST /api/v1/disputes/{id}/accept":                "dispute accept d --proposal p",
	"POST /api/v1/disputes/{id}/escalate":              "dispute escalate d --reason 理由",
	"POST /api/v1/disputes/{id}/ruling":                "dispute ruling d --reference 文号 --text 裁决",
	"POST /api/v1/disputes/{id}/acknowledge":           "dispute acknowledge d",
	"GET /api/v1/agreements/{id}/document":             "agreement document a",
	"POST /api/v1/agreements/{id}/revoke":              "agreement revoke a --reason 理由",
	"GET /api/v1/agreements/{id}/lease":                "agreement lease a",
	"POST /api/v1/agreements/{id}/query":               "query a --purpose p",
	"POST /api/v1/agreements/{id}/verify":              "verify a --purpose p --subject x=1 --claim y=2",
	"GET /api/v1/facts":                                "evidence list",
	"GET /api/v1/facts/{id}/receipt":                   "evidence receipt id#query.close",
	"POST /api/v1/subjects":                            "evidence subject 某人",
	"GET /api/v1/members":                              "member list",
	"GET /api/v1/constitution":                         "evidence constitution",
	"GET /api/v1/proposals":                            "proposal list",
	"POST /api/v1/proposals":                           "propose renew 2034-01-01 --reason 理由",
	"POST /api/v1/proposals/{hash}/approve":            "approve h",
}

// recorder answers every route with an empty object and notes which were called.
func recorder(t *testing.T) (*httptest.Server, func() map[string]bool) {
	t.Helper()
	var api rest.API
	api.Staff(http.NewServeMux())
	var mu sync.Mutex
	called := map[string]bool{}
	mux := http.NewServeMux()
	for _, p := range api.Permissions() {
		pattern := p.Method + " " + p.Path
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			mu.Lock()
			called[pattern] = true
			mu.Unlock()
			w.Header().Set("Content-Type", "application/json")
			if strings.HasSuffix(pattern, "/sample") {
				_, _ = io.WriteString(w, "[]")
				return
			}
			_, _ = io.WriteString(w, "{}")
		})
	}
	return httptest.NewTLSServer(mux), func() map[string]bool {
		mu.Lock()
		defer mu.Unlock()
		out := called
		called = map[string]bool{}
		return out
	}
}

func TestEveryRouteHasACommand(t *testing.T) {
	srv, calls := recorder(t)
	defer srv.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "someone.key")
	if _, err := cli.NewKey(key); err != nil {
		t.Fatal(err)
	}
	var api rest.API
	api.Staff(http.NewServeMux())
	seen := map[string]bool{}
	for _, p := range api.Permissions() {
		route := p.Method + " " + p.Path
		seen[route] = true
		t.Run(route, func(t *testing.T) {
			line, ok := commands[route]
			if !ok {
				t.Fatal("no command uses this route: add one, and a line to the table in this test")
			}
			args := strings.Fields(line)
			for i, a := range args {
				if a == "FILE" {
					file := filepath.Join(t.TempDir(), "in.json")
					if err := os.WriteFile(file, []byte(strings.Join(args[i+1:], " ")), 0o600); err != nil {
						t.Fatal(err)
					}
					args = append(args[:i:i], file)
					break
				}
			}
			args = append(args, "--dir", filepath.Join(dir, "none"), "--node", srv.URL, "--audience", "zhejiang", "--key", key, "--ca", ca, "--lang", "en")
			var out, errOut bytes.Buffer
			code := run(t.Context(), args, strings.NewReader(""), &out, &errOut)
			if !calls()[route] {
				t.Errorf("kuayu %s does not call it (exit %d): %s", line, code, errOut.String())
			}
		})
	}
	for route := range commands {
		if !seen[route] {
			t.Errorf("the table names %s, which is no route", route)
		}
	}
}
