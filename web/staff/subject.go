package staff

import (
	"net/url"
	"strings"
)

// subjectPages are the pages of what notices, clocks and cases are about: the one place where a subject becomes a page.
func subjectPages() map[string]string {
	return map[string]string{
		"agreement": PathCases, "catalog": PathResources, "correction": PathDisputes, "dispute": "/disputes", "demand": PathDemands, "scheme": "/schemes",
		"constitution": PathMembers, "webhook": "/webhooks",
	}
}

// SubjectPath is the page of a subject, "KIND/ID"; "" if it has none. An ID may hold slashes: they are part of it.
func SubjectPath(subject string) string {
	kind, id, _ := strings.Cut(subject, "/")
	root := subjectPages()[kind]
	switch {
	case root == "" || id == "":
		return ""
	case kind == "constitution": // one page for all versions
		return root
	}
	return root + "/" + url.PathEscape(id)
}
