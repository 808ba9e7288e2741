// Package cli is what the commands of the program share, whatever they do: the flags every command takes, a session with
// the node that signs in when it is first used, files and keys, answers as tables, JSON and CSV in two languages, and the
// one place where an error becomes a text and an exit code. It knows no command and no noun of the domain.
package cli
