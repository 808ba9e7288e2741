// Package arch polices the figure of the system: which folder stands on which floor, who may import whom, how long a
// file may grow, that every package says what it is, and that the pages which name code name code that exists.
//
// It is tests alone. They parse the sources inside the test process: the result of a subprocess would be cached beside
// the sources it read and would keep telling the old truth. The rules are data, in rules_test.go; whoever needs a new
// edge within a floor adds one line there and says why.
package arch
