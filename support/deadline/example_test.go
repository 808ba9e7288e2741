package deadline_test

import (
	"fmt"
	"time"

	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/deadline"
)

// An application of the conditional class arrives on the Friday before the Spring Festival of 2026.
func ExampleEngine_Apply() {
	e := deadline.Engine{Calendar: workday.Builtin()}
	c := deadline.Case{Subject: "negotiation/1", Department: "11330000MY00000120", At: time.Date(2026, 2, 13, 8, 30, 0, 0, time.UTC)}
	r, err := e.Apply(nil, c, deadline.Action{Do: deadline.Start, Clock: deadline.D4})
	fmt.Println(r.Changed[0].DueDay(), err)
	// Output: 2026-03-05 <nil>
}
