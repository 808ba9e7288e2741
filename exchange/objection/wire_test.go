package objection

import (
	"testing"

	"github.com/kuayu/kuayu/internal/wire/wiretest"
)

func TestWire(t *testing.T) { wiretest.Golden(t, "notice.v1.json", noticeVersion, &notice{}) }
