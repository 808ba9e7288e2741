package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kuayu/kuayu/internal/httpx"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// descriptionRoutes serves the OpenAPI 3.1 description and a readable page made from the same table. Call last.
func (a *API) descriptionRoutes(mux *http.ServeMux) {
	doc, err := json.Marshal(a.describe())
	page := a.page()
	mux.HandleFunc("GET /api/v1/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			httpx.WriteError(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(doc)
	})
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+docsStyleHash()+"'")
		_, _ = w.Write([]byte(page))
	})
}

// schemaName is the type's name with its package's before it, and so for the type it is made of: several packages have the same
// nouns.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.PkgPath() == "" {
		return huma.DefaultSchemaNamer(t, hint)
	}
	name, argument, _ := strings.Cut(strings.TrimSuffix(t.Name(), "]"), "[")
	pkg, of, _ := strings.Cut(argument[strings.LastIndexByte(argument, '/')+1:], ".")
	return named(t.PkgPath(), name) + named(pkg, of)
}

func named(path, name string) string {
	pkg := path[strings.LastIndexByte(path, '/')+1:]
	if pkg == "" || pkg == "rest" {
		return name
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + name
}

// describe builds the OpenAPI document from the route table.
func (a *API) describe() *huma.OpenAPI {
	reg := huma.NewMapRegistry("#/components/schemas/", schemaName)
	o := &huma.OpenAPI{
		OpenAPI:    "3.1.0",
		Info:       &huma.Info{Title: "Kuayu 跨域", Version: a.Version, Description: "Governed exchange between governments. Errors are RFC 9457 problems with a stable code; see docs/errors.md."},
		Components: &huma.Components{Schemas: reg, SecuritySchemes: map[string]*huma.SecurityScheme{"session": {Type: "http", Scheme: "bearer", Description: "token of POST /api/v1/session"}}},
		Paths:      map[string]*huma.PathItem{},
	}
	problem := reg.Schema(typeOf[httpx.Problem](), true, "Problem")
	for _, op := range a.ops {
		p := o.Paths[op.path]
		if p == nil {
			p = &huma.PathItem{}
			o.Paths[op.path] = p
		}
		x := a.operation(op, reg, problem)
		switch op.method {
		case "GET":
			p.Get = x
		case "POST":
			p.Post = x
		case "PUT":
			p.Put = x
		case "DELETE":
			p.Delete = x
		}
	}
	// Types that write themselves as text or as a bare scalar.
	for name, schema := range map[string]*huma.Schema{
		"Value":     {OneOf: []*huma.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}},
		"Mask":      {Type: "string", Description: "name, id, phone, address, keep_first:N, keep_last:N, hash, null"},
		"PublicKey": {Type: "string", Description: "suite:base64url"},
	} {
		if reg.Map()[name] != nil {
			reg.Map()[name] = schema
		}
	}
	return o
}

func (a *API) operation(op operation, reg huma.Registry, problem *huma.Schema) *huma.Operation {
	x := &huma.Operation{
		OperationID: operationID(op), Summary: op.zh + " · " + op.en, Tags: []string{strings.Split(op.path, "/")[3]},
		Responses: map[string]*huma.Response{"default": {Description: "problem", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}}},
	}
	if len(op.roles) > 0 {
		names := make([]string, len(op.roles))
		for i, r := range op.roles {
			names[i] = string(r)
		}
		x.Description = "Roles: " + strings.Join(names, ", ")
	}
	if !op.public {
		x.Security = []map[string][]string{{"session": {}}}
	}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(op.path, -1) {
		x.Parameters = append(x.Parameters, &huma.Param{Name: m[1], In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
	}
	none := typeOf[empty]()
	if op.in != nil && op.in != none {
		x.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: reg.Schema(op.in, true, "In")}}}
	}
	ok := &huma.Response{Description: "ok", Content: map[string]*huma.MediaType{}}
	switch {
	case op.out == none:
		x.Responses["204"] = &huma.Response{Description: "done"}
		return x
	case op.out != nil:
		ok.Content["application/json"] = &huma.MediaType{Schema: reg.Schema(op.out, true, "Out")}
	}
	for _, m := range op.media {
		ok.Content[m] = &huma.MediaType{Schema: &huma.Schema{}}
	}
	x.Responses["200"] = ok
	return x
}

func operationID(op operation) string {
	s := strings.NewReplacer("/api/v1/", "", "{", "", "}", "", "/", "-").Replace(op.path)
	return strings.ToLower(op.method) + "-" + s
}

const docsStyle = "body{font:16px/1.6 'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',system-ui;max-width:60rem;margin:0 auto;padding:1rem;color:#1a2330}h1{color:#0b5cad}table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #d5dbe3;padding:.4rem;text-align:left;vertical-align:top}code{background:#f2f5f9;padding:0 .25rem;overflow-wrap:anywhere}@media(max-width:44rem){thead{display:none}tr{display:block;border-bottom:1px solid #d5dbe3;padding:.5rem 0}td{display:block;border:0;padding:.1rem 0}}"

// page renders the route table for people. It works without JavaScript.
func (a *API) page() string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Kuayu API</title><style>` + docsStyle + `</style></head><body>`)
	b.WriteString(`<h1>跨域接口 · Kuayu API</h1><p>机器可读的描述：<a href="/api/v1/openapi.json">OpenAPI 3.1</a>。先用私钥签发的登录凭证（RFC 7523）调用 <code>POST /api/v1/session</code>，再以 <code>Authorization: Bearer</code> 携带返回的令牌。错误一律为 RFC 9457 格式，附稳定的错误码。</p>`)
	b.WriteString(`<p lang="en">Sign in with a private-key assertion, then send the token as a bearer. Every error is an RFC 9457 problem with a stable code.</p>`)
	b.WriteString(`<table><thead><tr><th scope="col">接口</th><th scope="col">说明</th><th scope="col">角色</th></tr></thead><tbody>`)
	for _, op := range a.ops {
		who := "已登录"
		if op.public {
			who = "公开"
		}
		names := make([]string, len(op.roles))
		for i, r := range op.roles {
			names[i] = r.Zh()
		}
		if len(names) > 0 {
			who = strings.Join(names, "、")
		}
		b.WriteString("<tr><td><code>" + op.method + " " + html.EscapeString(op.path) + "</code></td><td>" + html.EscapeString(op.zh) + `<br><span lang="en">` + html.EscapeString(op.en) + "</span></td><td>" + html.EscapeString(who) + "</td></tr>")
	}
	b.WriteString("</tbody></table></body></html>")
	return b.String()
}

func docsStyleHash() string {
	h := sha256.Sum256([]byte(docsStyle))
	return base64.StdEncoding.EncodeToString(h[:])
}
