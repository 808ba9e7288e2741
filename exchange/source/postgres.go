package source

import "context"

func openPostgres(context.Context, Spec) (Source, error) { return nil, ErrOpen.With() }
