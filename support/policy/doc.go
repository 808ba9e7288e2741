// Package policy decides: the Terms of an agreement compile to a Cedar policy set and to a Plan that bounds what a
// request may read. Default deny; every decision names the policies that made it.
package policy
