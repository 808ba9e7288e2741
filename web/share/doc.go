// Package share is the face for those who share data and for what is settled between departments: a department's own
// entries and their way into the catalogue, the wizard that describes one, demands, corrections and disputes, schemes,
// and the lists of who answers for what.
//
// It decides nothing. What a page needs of a package is an interface declared here; which acts a page offers is asked of the
// packages' own machines, and whether one is permitted is asked of the package.
package share
