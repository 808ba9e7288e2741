// Package source reads rows where they live: SQLite, PostgreSQL, CSV and Parquet files. It executes a policy.Plan and
// gives Arrow batches; only the columns a plan names (and the key, for a cursor) are read at all.
//
// The law of the package: the same rows and the same plan give the same answer from every kind of source. Comparisons
// follow SQL's three-valued logic, text is compared byte by byte, prefixes mind case, groups come ordered with null
// first. One contract suite runs against every implementation.
//
// A source is read-only. What it can't represent faithfully it refuses with ErrBadData rather than guess.
package source
