// Package dbtest starts real database servers for tests.
package dbtest
