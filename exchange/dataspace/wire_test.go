package dataspace

import (
	"testing"

	"github.com/kuayu/kuayu/internal/wire/wiretest"
)

func TestWire(t *testing.T) { wiretest.Golden(t, "own.v1.json", ownVersion, &ownMessage{}) }
