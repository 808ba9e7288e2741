// Command kuayu is the whole program: it makes and runs a node, and speaks to one as an officer, an operator or a machine.
// A command decodes its arguments, calls one route of the node (or one function on the data folder) and shows the answer;
// it knows no rule of its own.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
