package scheme

import (
	"testing"

	"github.com/kuayu/kuayu/internal/wire/wiretest"
)

func TestWire(t *testing.T) { wiretest.Golden(t, "message.v1.json", messageVersion, &message{}) }
