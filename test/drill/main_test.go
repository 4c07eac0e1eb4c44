package drill

import (
	"testing"

	"github.com/etcdward/etcdward/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }
