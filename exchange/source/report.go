package source

// Report tells what a read of a file skipped. It is final when the reader has come to its end.
type Report struct {
	Rows     int64       `json:"rows"`     // records seen, good and bad
	Rejected int64       `json:"rejected"` // records skipped (Lenient)
	First    []Rejection `json:"first"`    // the first of them, at most 100
}

// Rejection is one skipped record.
type Rejection struct {
	Line   int64  `json:"line"` // in the file, from 1
	Reason string `json:"reason"`
}

// Reasons of a Rejection.
const (
	ReasonShort    = "too_few_fields"
	ReasonLong     = "too_many_fields"
	ReasonQuote    = "bad_quote"
	ReasonEncoding = "bad_encoding"
	ReasonValue    = "value_does_not_fit_type"
	ReasonSize     = "too_large"
)

const maxRejections = 100

func (r *Report) reject(line int64, reason string) {
	r.Rejected++
	if len(r.First) < maxRejections {
		r.First = append(r.First, Rejection{Line: line, Reason: reason})
	}
}
