package standard_test

import (
	"fmt"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/standard"
)

func ExampleCheckUSCC() {
	for _, code := range []string{"91350100M000100Y43", "91350100m000100Y43", "91350100M000100Y44"} {
		fault, err := standard.CheckUSCC(code)
		fmt.Println(fault)
		if err != nil {
			fmt.Println(errs.As(err).Message("zh"))
		}
	}
	// Output:
	// ok
	// lowercase
	// 统一社会信用代码第 9 位是小写字母，请改用大写字母。
	// check
	// 统一社会信用代码校验码应为 3，实为 4，请核对各位字符。
}
