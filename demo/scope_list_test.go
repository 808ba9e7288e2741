package demo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unscoped are the methods that read rows, or what was made of rows, and take neither a scope nor a session, each with
// the reason why departments stay strangers all the same.
func unscoped() map[string]string {
	return map[string]string{
		"agreement.Service.InForce":            "the gateway's own look-up; it compares the parties itself before anything leaves (invariant 1)",
		"agreement.Service.Parties":            "tells the gateway who may learn that an agreement ended; its result never leaves",
		"agreement.Service.OnAcknowledged":     "the other member's acknowledgement of this node's own message",
		"agreement.Service.OnRequest":          "a message of another member, addressed to the provider of a published entry",
		"agreement.Service.OnAgreement":        "a message of another member, about a negotiation with that very member",
		"agreement.Service.OnFinalized":        "as OnAgreement",
		"agreement.Service.OnTermination":      "as OnAgreement",
		"agreement.Service.OnOffer":            "as OnAgreement",
		"agreement.Service.OnAccepted":         "as OnAgreement",
		"agreement.Service.OnResubmit":         "as OnAgreement",
		"agreement.Service.OnForeignAgreement": "as OnAgreement, of a participant of another dataspace",
		"agreement.Service.Decide":             "as Automatic",
		"agreement.Service.Adopt":              "the operator's own taking over of an agreement concluded elsewhere",
		"agreement.Service.Automatic":          "the node's own rules, about a record that was just read or made",
		"agreement.Service.HandleMessage":      "as OnAgreement",
		"agreement.Service.OnVerification":     "as OnAgreement",
		"agreement.Service.OnRejected":         "the other member's refusal of this node's own message",
		"agreement.Service.NoteRefused":        "as OnAgreement",
		"agreement.Service.LedgerFor":          "for the provider of the agreement alone; compares it itself",
		"agreement.Service.ApplyUnder":         "an application of the department whose head consented to it in the scheme's package, which read the enrolment in that head's scope",
		"agreement.Service.StandUnder":         "a consent of the department whose head joined in the scheme's package; answers nothing",
		"agreement.Service.EndUnder":           "ends what one scheme made, by its owner's, a member's or the list's change that the scheme's package has judged; answers nothing",

		"catalog.Service.Changes":      "what others may see of published entries",
		"catalog.Service.ChangedAt":    "as Changes",
		"catalog.Service.NegativeList": "published entries and their citations alone",
		"catalog.Service.Mounted":      "the gateway's own look-up of where granted rows are; nothing of it leaves",

		"evidence.Index.Behind":     "how far the index is behind the log; no fact leaves",
		"federation.Service.Spread": "this member's own votes to the other members",
		"federation.Service.Run":    "as Spread",
		"federation.Service.Papers": "constitution and statements, which every member has; only members ask",

		"search.Index.Search":    "published entries of all members",
		"search.Index.Entry":     "a published entry",
		"search.Service.Entry":   "as Index.Entry",
		"search.Index.Members":   "how old the copies of members' catalogues are",
		"search.Index.Position":  "as Members",
		"search.Index.Apply":     "keeps what members publish; returns nothing",
		"search.Index.Failed":    "as Apply",
		"search.Index.Forget":    "as Apply",
		"search.Index.Drop":      "as Apply",
		"search.Index.Settle":    "as Apply",
		"search.Service.Search":  "as Index.Search",
		"search.Service.Members": "as Index.Members",

		"search.Index.Departments":      "what members call their departments: names are public among officers",
		"search.Service.Departments":    "as Index.Departments",
		"search.Index.DepartmentName":   "as Index.Departments",
		"search.Service.DepartmentName": "as Index.Departments",

		"dataspace.Service.Browse":        "reads another member's published entries",
		"dataspace.Service.Changes":       "reads members' published entries, and this node's own",
		"dataspace.Service.Carry":         "the node's own delivery of what a department did",
		"dataspace.Service.Move":          "the node's own rules, about a transfer that was just read or made",
		"dataspace.Service.Routes":        "messages of members, about processes with those very members",
		"dataspace.Service.ForeignRoutes": "messages of registered participants, about processes with those very participants",
		"dataspace.Service.Read":          "reads another member's published entry",
		"gateway.Gateway.Restore":         "the node's own memory of what it answered before a restart",
		"gateway.Gateway.Respond":         "as Serve, which calls it; a line does, too",
		"gateway.Gateway.Serve":           "a sealed request of another member: the agreement, not a department, says what it may read",

		"gateway.Gateway.Pull":        "as Serve, for a participant whose transfer was opened by its token; compares the consumer itself",
		"gateway.Gateway.ServeLease":  "as Serve; compares the consumer itself",
		"gateway.Gateway.ServeLedger": "as Serve; the agreement's provider alone is answered",

		"identity.Service.AddActor":       "for operators, who look after all departments of the node",
		"identity.Service.Departments":    "names of departments are public among officers",
		"identity.Service.DepartmentName": "as Departments",
		"identity.Service.SignIn":         "makes the session from which scopes come",
		"identity.Service.OpenFor":        "makes the session from which scopes come; demonstration only",
		"identity.Service.Authenticate":   "makes the session from which scopes come",

		"evidence.Index.Project":    "the node's own projection; returns a count",
		"evidence.Index.Run":        "the node's own projection; returns nothing",
		"evidence.Index.Recent":     "for the gateway's memory of answers; nothing of it leaves",
		"evidence.Index.Usage":      "counts for the quota of an agreement the gateway has judged",
		"evidence.Index.Summarise":  "a count and a hash of a day, sealed by the node",
		"evidence.Index.SealDay":    "as Summarise",
		"evidence.Issuer.Receipt":   "makes a receipt of a record that Index.Record gave out in the caller's scope",
		"evidence.Log.Replay":       "for the projection and the operator at the machine",
		"evidence.Log.Get":          "for Index.Record, which has judged the scope",
		"evidence.Log.Erase":        "for the operator at the machine, on an order to erase",
		"evidence.Log.Run":          "writes and flushes; returns nothing",
		"evidence.Log.Seal":         "writes; what it reads is the header it was given",
		"evidence.Outbox.Put":       "as Seal",
		"evidence.Index.Asides":     "places in the log and codes of errors, for the operator",
		"evidence.Index.AsideCount": "a count, for the operator",
		"evidence.Outbox.Sealed":    "the node's own delivery of what a department did",
		"evidence.Tlog.Run":         "carries entries into the public log: commitments only (invariant 3)",
		"evidence.Witness.Observe":  "what this node saw of other members' public logs",
		"evidence.Witness.Known":    "as Observe",
		"evidence.Witness.List":     "as Observe",

		"federation.Service.Load":            "the constitution is public",
		"federation.Service.Draft":           "the federation's matters belong to no department",
		"federation.Service.ProposeChange":   "as Draft",
		"federation.Service.Approve":         "as Draft",
		"federation.Service.Proposals":       "as Draft",
		"federation.Service.Receive":         "as Draft",
		"federation.Service.AcceptStatement": "as Draft",

		"identity.Service.Trim": "the node's own forgetting of what is old; returns nothing",
		"notice.Service.Trim":   "the node's own forgetting of what is old; returns nothing",

		"peer.Mailbox.Queue":         "numbers messages of one subject",
		"peer.Mailbox.Send":          "as Queue",
		"peer.Mailbox.Serve":         "a sealed message of another member",
		"peer.Mailbox.ServeMessages": "as Serve",

		"queue.Queue.Behind":  "the node's own jobs, for the order of its messages",
		"queue.Queue.Enqueue": "the node's own jobs",
		"queue.Queue.Run":     "the node's own jobs",
		"queue.Queue.Dead":    "the node's own jobs, for its operator",
		"queue.Queue.Depth":   "as Dead",

		"queue.Queue.DeadCount":   "as Dead",
		"queue.Queue.Stuck":       "as Dead",
		"queue.Queue.Get":         "as Dead",
		"queue.Queue.Retry":       "as Dead",
		"queue.Queue.Drop":        "as Dead",
		"queue.Queue.Droppings":   "as Dead",
		"queue.Queue.ParkedKinds": "as Dead",
		"queue.Queue.Ready":       "as Dead",
	}
}

// method is a declaration with what matters of it here.
type method struct {
	name   string // package.Type.Method
	scoped bool   // takes a db.Scope or an *identity.Session
	reads  bool   // reads rows or segments, itself or through its package
}

// TestEveryReaderTakesAScope: every exported method that reads rows takes a scope or a session and is tried by
// TestDepartmentsAreStrangers, or stands above with a reason.
func TestEveryReaderTakesAScope(t *testing.T) {
	tried, used := map[string]bool{}, map[string]bool{}
	for _, m := range scoped() {
		tried[m.name] = true
	}
	free := unscoped()
	seen := map[string]bool{}
	for _, dir := range []string{
		"exchange/catalog", "exchange/agreement", "exchange/objection", "exchange/demand", "exchange/scheme", "exchange/dataspace", "exchange/search", "exchange/gateway", "support/process", "support/identity", "support/evidence", "support/peer", "support/federation", "support/notice", "internal/queue",
	} {
		for _, m := range methodsOf(t, filepath.Join("..", dir)) {
			seen[m.name] = true
			switch {
			case !m.reads && !m.scoped:
			case m.scoped && writers()[m.name] != "":
			case m.scoped && !tried[m.name]:
				t.Errorf("%s takes a scope or a session and is not tried by TestDepartmentsAreStrangers: add it to scoped()", m.name)
			case !m.scoped && free[m.name] == "":
				t.Errorf("%s reads rows without a scope: give it one, or say in unscoped() why departments stay strangers", m.name)
			case !m.scoped:
				used[m.name] = true
			}
		}
	}
	for name := range free {
		if !used[name] {
			t.Errorf("unscoped() lists %s, which is gone, scoped, or reads nothing: remove it", name)
		}
	}
	for name := range tried {
		if !seen[name] {
			t.Errorf("scoped() lists %s, which does not exist", name)
		}
	}
}

// writers are the methods with a session that make new rows of the session's own department and read no others.
func writers() map[string]string {
	return map[string]string{
		"agreement.Service.Apply":          "makes an application of the session's department",
		"demand.Service.Write":             "makes a demand of the session's department",
		"notice.Service.Put":               "tells the scope's department; reads who wants mail, and answers nothing",
		"notice.Service.AddHook":           "for operators, who look after all departments; reads a count",
		"notice.Service.Preferences":       "of the session's own officer alone",
		"notice.Service.SetPreferences":    "of the session's own officer alone",
		"catalog.Service.Import":           "drafts of the session's department; a taken code is refused whoever has it, since codes are unique in a node",
		"catalog.Service.Designate":        "the authority's decision, which binds all departments; reads nothing",
		"catalog.Service.EndDesignation":   "as Designate",
		"catalog.Service.Registered":       "for operators, who look after all departments: identifier, department and kind of their sources, and nothing of what opens them",
		"catalog.Service.AddSource":        "for operators; a taken identifier is refused whoever has it, since identifiers are unique in a node",
		"search.Service.Refresh":           "for operators; answers how old the copies of members' catalogues are",
		"gateway.Gateway.Pseudonym":        "a keyed digest of what the auditor said; reads nothing",
		"identity.Service.Enter":           "for operators, who look after all departments of the node",
		"identity.Service.EnterDepartment": "as Enter",
		"identity.Service.SetKey":          "as Enter",
		"identity.Service.SetDisabled":     "as Enter",
	}
}

// throughKernel reports whether a call reads or changes a package's cases, which the kernel keeps: s.kind.Get(…).
func throughKernel(fun ast.Expr) bool {
	call, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := call.X.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"kind", "corrections", "disputes"}, of.Sel.Name) && call.Sel.Name != "Table"
}

// methodsOf parses a package and follows calls within it by name.
func methodsOf(t *testing.T, dir string) []method {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no files (%v)", dir, err)
	}
	fset := token.NewFileSet()
	calls, reads, decls := map[string]map[string]bool{}, map[string]bool{}, []*ast.FuncDecl{}
	pkg, stores := "", map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		pkg = f.Name.Name
		ast.Inspect(f, func(n ast.Node) bool {
			if d, ok := n.(*ast.TypeSpec); ok {
				stores[d.Name.Name] = d.Name.IsExported() && holdsRows(d.Type)
			}
			return true
		})
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			decls = append(decls, fn)
			if calls[fn.Name.Name] == nil {
				calls[fn.Name.Name] = map[string]bool{}
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					name := called(n.Fun)
					calls[fn.Name.Name][name] = true
					if name == "NewSelect" || name == "walkSegment" || throughKernel(n.Fun) {
						reads[fn.Name.Name] = true
					}
				case *ast.StructType:
					return false
				case *ast.BasicLit:
					if n.Kind == token.STRING && (strings.Contains(n.Value, "SELECT ") || strings.Contains(n.Value, "RETURNING ")) {
						reads[fn.Name.Name] = true
					}
				}
				return true
			})
		}
	}
	for changed := true; changed; {
		changed = false
		for f, cs := range calls {
			for c := range cs {
				if reads[c] && calls[c] != nil && !reads[f] {
					reads[f], changed = true, true
				}
			}
		}
	}
	// These two packages have no rows: whatever they do reads those of other packages.
	through := pkg == "gateway" || pkg == "dataspace"
	var out []method
	for _, fn := range decls {
		typ := receiver(fn)
		if !stores[typ] || !fn.Name.IsExported() {
			continue
		}
		m := method{name: pkg + "." + typ + "." + fn.Name.Name, reads: reads[fn.Name.Name]}
		for _, p := range fn.Type.Params.List {
			switch of := types(p.Type); of {
			case "db.Scope", "*identity.Session":
				m.scoped = true
			case "*Session":
				m.scoped = m.scoped || pkg == "identity"
			case "context.Context", "*http.Request":
				m.reads = m.reads || through
			}
		}
		out = append(out, m)
	}
	return out
}

// called is the name of what a call calls, as far as it can be a function or method of the same package: what is called
// on a field is left out where the standard library has methods of that name.
func called(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if _, plain := f.X.(*ast.Ident); !plain && (f.Sel.Name == "Load" || f.Sel.Name == "Run") {
			return ""
		}
		return f.Sel.Name
	}
	return ""
}

// holdsRows reports whether a type is a store: it has the database, the log, or another package that has.
func holdsRows(e ast.Expr) bool {
	s, ok := e.(*ast.StructType)
	if !ok {
		return false
	}
	for _, f := range s.Fields.List {
		switch types(f.Type) {
		case "Deps", "*db.DB", "disk.File", "*Log", "*evidence.Log", "*evidence.Index", "*catalog.Service", "*agreement.Service":
			return true
		}
	}
	return false
}

func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	return strings.TrimPrefix(types(fn.Recv.List[0].Type), "*")
}

// types writes the simple type expressions that occur in parameter lists.
func types(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return "*" + types(e.X)
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return types(e.X) + "." + e.Sel.Name
	}
	return ""
}
