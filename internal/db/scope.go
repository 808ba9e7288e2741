package db

// Scope says for whom a store works: departments of one node are strangers to one another (invariant 9). A store
// adds it to every query; a row outside the scope is as if it did not exist.
type Scope struct {
	Division   string // GB/T 2260 code of the node's region
	Department string // USCC of the acting department
	Actor      string // officer or machine client
	all        bool
	reason     string
}

// In is the scope of one actor of one department.
func In(division, department, actor string) Scope {
	return Scope{Division: division, Department: department, Actor: actor}
}

// Oversight is the scope of those whom the law lets look at all departments of a node: the authority and the auditor.
func Oversight(division, department, actor string) Scope {
	return Scope{Division: division, Department: department, Actor: actor, all: true, reason: "oversight"}
}

// System is the scope of the node's own work (delivery, timers, projections). reason goes into logs.
func System(reason string) Scope { return Scope{all: true, reason: reason} }

// All reports whether the scope sees every department.
func (s Scope) All() bool { return s.all }

// Where returns an SQL condition and its arguments that keep rows of the scope's department. columns are the columns
// that may hold the owner; a row is visible if any of them is the department.
func (s Scope) Where(columns ...string) (string, []any) {
	if s.all {
		return "1=1", nil
	}
	if s.Department == "" {
		return "1=0", nil
	}
	cond, args := "(", make([]any, 0, len(columns))
	for i, c := range columns {
		if i > 0 {
			cond += " OR "
		}
		cond += c + " = ?"
		args = append(args, s.Department)
	}
	return cond + ")", args
}

// Owns reports whether a row of the department is visible.
func (s Scope) Owns(department string) bool {
	return s.all || (s.Department != "" && s.Department == department)
}
