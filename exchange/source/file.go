package source

import "context"

func openFile(context.Context, Spec) (Source, error) { return nil, ErrOpen.With() }
