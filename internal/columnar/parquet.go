package columnar

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// OpenParquet opens a Parquet file whose batches will have at most batchRows rows. It may panic on a damaged file, as
// may everything of the result; call it under recover.
func OpenParquet(r parquet.ReaderAtSeeker, mem memory.Allocator, batchRows int64) (*pqarrow.FileReader, error) {
	// Columns are read as the pages come, never whole.
	props := parquet.NewReaderProperties(mem)
	props.BufferedStreamEnabled = true
	f, err := file.NewParquetReader(r, file.WithReadProps(props))
	if err != nil {
		return nil, err
	}
	return pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: batchRows}, mem)
}

// ParquetColumns reads the named top-level columns, in the order given, of all row groups.
func ParquetColumns(ctx context.Context, f *pqarrow.FileReader, names []string) (pqarrow.RecordReader, error) {
	var leaves []int
	var walk func(sf *pqarrow.SchemaField)
	walk = func(sf *pqarrow.SchemaField) {
		if len(sf.Children) == 0 {
			leaves = append(leaves, sf.ColIndex)
			return
		}
		for i := range sf.Children {
			walk(&sf.Children[i])
		}
	}
	for _, n := range names {
		found := false
		for i := range f.Manifest.Fields {
			if f.Manifest.Fields[i].Field.Name == n {
				walk(&f.Manifest.Fields[i])
				found = true
			}
		}
		if !found {
			return nil, fmt.Errorf("no column %q", n)
		}
	}
	return f.GetRecordReader(ctx, leaves, nil)
}

// WriteParquet writes all batches of a reader, zstd-compressed.
func WriteParquet(w io.Writer, r array.RecordReader) (err error) {
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDictionaryDefault(true))
	pw, err := pqarrow.NewFileWriter(r.Schema(), nopCloser{w}, props, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return err
	}
	for r.Next() {
		if err := pw.WriteBuffered(r.RecordBatch()); err != nil {
			return errors.Join(err, pw.Close())
		}
	}
	return errors.Join(r.Err(), pw.Close())
}

// nopCloser keeps the Parquet writer from closing what it did not open.
type nopCloser struct{ io.Writer }

// ReadParquet reads a whole small Parquet file, at most maxRows rows. The caller releases the batches.
func ReadParquet(ctx context.Context, r parquet.ReaderAtSeeker, mem memory.Allocator, maxRows int64) (recs []arrow.RecordBatch, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged parquet: %v", p)
		}
		if err != nil {
			releaseAll(recs)
			recs = nil
		}
	}()
	f, err := OpenParquet(r, mem, 8192)
	if err != nil {
		return nil, err
	}
	if n := f.ParquetReader().NumRows(); n > maxRows {
		return nil, ErrTooLarge
	}
	rd, err := f.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	defer rd.Release()
	rows := int64(0)
	for rd.Next() {
		rec := rd.RecordBatch()
		if rows += rec.NumRows(); rows > maxRows {
			return recs, ErrTooLarge
		}
		rec.Retain()
		recs = append(recs, rec)
	}
	if err := rd.Err(); err != nil && !errors.Is(err, io.EOF) {
		return recs, err
	}
	return recs, nil
}

func releaseAll(recs []arrow.RecordBatch) {
	for _, r := range recs {
		r.Release()
	}
}
