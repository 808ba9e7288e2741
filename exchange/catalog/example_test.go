package catalog_test

import (
	"fmt"

	"github.com/kuayu/kuayu/exchange/catalog"
)

// An entry's way into the catalogue, and an update that goes the same way while the old version stays in force.
func ExampleTable() {
	s := catalog.New
	for _, e := range []catalog.Event{
		catalog.Describe, catalog.Assess, catalog.Submit, catalog.Sign, catalog.Publish, catalog.Describe, catalog.Submit, catalog.Sign, catalog.Reject,
	} {
		s, _, _ = catalog.Table().Next(s, e, nil)
		fmt.Println(e, "→", s, catalog.InForce(s))
	}
	// Output:
	// describe → draft false
	// assess → draft false
	// submit → submitted false
	// sign → signed false
	// publish → published true
	// describe → updating true
	// submit → update_submitted true
	// sign → update_signed true
	// reject → updating true
}
