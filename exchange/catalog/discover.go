package catalog

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
)

// Discover lists the tables of a source of the session's department.
func (s *Service) Discover(ctx context.Context, sess *identity.Session, id string) ([]source.Table, error) {
	src, err := s.openOwn(ctx, sess, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	return src.Discover(ctx)
}

// Sample returns up to n rows of a table of the department's own source, unmasked: it is the department's own data.
// The caller releases the batch.
func (s *Service) Sample(ctx context.Context, sess *identity.Session, id, table string, n int) (arrow.RecordBatch, error) {
	src, err := s.openOwn(ctx, sess, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	return src.Sample(ctx, table, n)
}

func (s *Service) openOwn(ctx context.Context, sess *identity.Session, id string) (source.Source, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	m, err := s.Source(ctx, db.In(sess.Division, sess.Department, sess.Actor), id)
	if err != nil {
		return nil, err
	}
	return source.Open(ctx, m.Spec)
}
