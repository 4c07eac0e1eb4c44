package snapshot

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/etcdward/etcdward/agent/child"
)

// forecasting is the child process of Forecast.
var forecasting = child.Task{Name: "internal-forecast", Args: 2, Do: forecastMain}

// RestoredFacts is what a cluster that was restored from a file must answer.
type RestoredFacts struct {
	// Revision is the one to ask at: that of the file plus the bump.
	Revision int64 `json:"revision"`
	// Keys is how many keys exist at that revision.
	Keys int64 `json:"keys"`
	// Hash is HashKV at that revision, provided that it is the compact revision as well.
	Hash uint32 `json:"hash"`
}

// Forecast takes a file that passed Examine, and computes what every member must answer of a cluster that is restored
// from it with this bump, above 0, and marked as compacted. It uses the file alone, so that a restore is checked
// against numbers that the restore did not produce.
func Forecast(ctx context.Context, path string, bump int64) (RestoredFacts, error) {
	said, err := forecasting.Run(ctx, []string{path, strconv.FormatInt(bump, 10)})
	if err != nil {
		return RestoredFacts{}, crashed("forecast", path, err)
	}
	var f RestoredFacts
	if err := json.Unmarshal(said, &f); err != nil {
		return f, fmt.Errorf("forecast %s: the child's answer: %w", path, err)
	}
	return f, nil
}

// forecastMain runs in the child process of Forecast.
func forecastMain(args []string) error {
	beExpendable()
	bump, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	f, err := restored(args[0], bump)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// restored hashes the way mvcc does at a compacted revision. The hash covers the newest entry of each living key and the
// mark of the bump, which is an entry of the key "" (mvcc/hash.go; etcdutl's restore).
func restored(path string, bump int64) (RestoredFacts, error) {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	sum.Write(bucketKey)
	var f RestoredFacts
	last, err := eachLiving(path, func(place, entry []byte, kv *mvccpb.KeyValue) error {
		if len(kv.Key) == 0 {
			return nil // the mark of this restore replaces that of an earlier one
		}
		f.Keys++
		sum.Write(place)
		sum.Write(entry)
		return nil
	})
	if err != nil {
		return f, err
	}
	f.Revision = last + bump
	mark := make([]byte, 17)
	binary.BigEndian.PutUint64(mark, uint64(f.Revision))
	mark[8] = '_'
	sum.Write(mark)
	f.Hash = sum.Sum32()
	return f, nil
}
