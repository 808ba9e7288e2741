package law

import (
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/support/process"
)

// Tables are the processes of all kinds of case, as docs/processes shows them.
func Tables() []*process.Table {
	return []*process.Table{agreement.Table(), catalog.Table(), demand.Table(), objection.CorrectionTable(), objection.DisputeTable()}
}
