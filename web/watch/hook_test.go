package watch

import (
	"net/http/httptest"
	"testing"

	"github.com/kuayu/kuayu/internal/webtest"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/web/ui"
)

// Every topic of a notice, and every reason a call failed, has words in both languages.
func TestHookWords(t *testing.T) {
	for _, lang := range []string{"zh-CN", "en"} {
		v := ui.New().View(httptest.NewRequestWithContext(t.Context(), "GET", "/?lang="+lang, nil))
		said := map[string]bool{}
		for _, topic := range notice.Topics() {
			if w := topicWord(v, topic); w == topic || said[w] || lang == "zh-CN" && webtest.HalfWidth(w) {
				t.Errorf("%s: topic %s: %q", lang, topic, w)
			} else {
				said[w] = true
			}
		}
		for _, f := range []notice.Fault{notice.FaultAddress, notice.FaultName, notice.FaultCertificate, notice.FaultTime, notice.FaultConnection, "503"} {
			if w := faultWord(v, f); said[w] || lang == "zh-CN" && webtest.HalfWidth(w) {
				t.Errorf("%s: fault %s: %q", lang, f, w)
			} else {
				said[w] = true
			}
		}
	}
}
