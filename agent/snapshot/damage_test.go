package snapshot

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// TestFlippedBit flips one bit at each of 2,000 places: level 1 sees it every time.
func TestFlippedBit(t *testing.T) {
	t.Parallel()
	const workers, each = 4, 500
	chance := seeded(t)
	var wg sync.WaitGroup
	for range workers {
		path := write(t, fixture())
		places := make([]int64, each)
		for i := range places {
			places[i] = chance.Int64N(int64(len(fixture())))
		}
		wg.Go(func() {
			for i, place := range places {
				whole := fixture()[place]
				flip(t, path, place, whole^1<<(i%8))
				e, err := Examine(t.Context(), path, 6)
				if err != nil || len(e.Checks) != 1 || e.Checks[0].OK || e.Checks[0].Name != CheckSHA256 {
					t.Errorf("bit %d of byte %d flipped: got %+v, error %v", i%8, place, e.Checks, err)
				}
				flip(t, path, place, whole)
			}
		})
	}
	wg.Wait()
}

func flip(t *testing.T, path string, place int64, to byte) {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := file.WriteAt([]byte{to}, place); err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

// TestCut cuts the file at 500 lengths: level 1 sees it every time, also where what is left has the size of a whole file.
func TestCut(t *testing.T) {
	t.Parallel()
	chance := seeded(t)
	size := int64(len(fixture()))
	lengths := []int64{0, 1, trailerSize - 1, trailerSize, sectorSize, sectorSize + trailerSize, size - 1, size - trailerSize, size - sectorSize}
	for len(lengths) < 500 {
		n := chance.Int64N(size)
		if len(lengths)%3 == 0 {
			n = n/sectorSize*sectorSize + trailerSize
		}
		lengths = append(lengths, min(n, size-1))
	}
	slices.Sort(lengths)
	path := write(t, fixture())
	for _, n := range slices.Backward(lengths) {
		if err := os.Truncate(path, n); err != nil {
			t.Fatal(err)
		}
		e := examine(t, path, 6)
		wantDamage(t, e, CheckSHA256)
		if e.Facts.SizeBytes != n || len(e.Checks) != 1 {
			t.Errorf("cut at %d: got %+v", n, e)
		}
	}
}

// TestDamageBelowTheTrailer damages the body and makes the trailer fit, as damage on the member's own disk would. Level 2 need
// not see all of it, a changed value for one; but it ends in a result each time, and this process lives.
func TestDamageBelowTheTrailer(t *testing.T) {
	t.Parallel()
	const workers, each = 4, 75
	chance := seeded(t)
	var damaged, crashed, sound atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		own := rand.New(rand.NewPCG(chance.Uint64(), chance.Uint64()))
		path := write(t, nil)
		wg.Go(func() {
			for range each {
				body := bytes.Clone(fixture()[:len(fixture())-trailerSize])
				what := spoil(body, own)
				if err := os.WriteFile(path, withTrailer(body), 0o600); err != nil {
					t.Error(err)
					return
				}
				e, err := Examine(t.Context(), path, 6)
				switch {
				case err != nil:
					t.Errorf("%s: an error instead of a result: %v", what, err)
				case e.OK():
					sound.Add(1)
				default:
					damaged.Add(1)
					if bytes.Contains([]byte(e.Checks[1].Detail), []byte("crashed")) {
						crashed.Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	t.Logf("of %d: %d damaged, of which the parser crashed on %d; %d sound to level 2", workers*each, damaged.Load(), crashed.Load(), sound.Load())
	if damaged.Load() == 0 || crashed.Load() == 0 {
		t.Error("no damage of these was seen, or none that the parser crashes on: this test has not tested anything")
	}
}

// spoil damages a body somewhere and says how.
func spoil(body []byte, chance *rand.Rand) string {
	pages := uint64(len(body) / pageSize)
	p := body[chance.Uint64N(pages)*pageSize:][:pageSize]
	switch chance.IntN(5) {
	case 0:
		for range 1 + chance.IntN(8) {
			body[chance.IntN(len(body))] ^= 1 << chance.IntN(8)
		}
		return "bits flipped anywhere"
	case 1:
		p[chance.IntN(headerSize)] ^= 1 << chance.IntN(8)
		return "a bit flipped in a page's header"
	case 2:
		p[headerSize+chance.IntN(8*elementSize)] ^= 1 << chance.IntN(8)
		return "a bit flipped in a page's elements"
	case 3:
		for i := range p {
			p[i] = byte(chance.Uint32())
		}
		return "a page of chance"
	}
	copy(p, body[chance.Uint64N(pages)*pageSize:][:pageSize])
	return "a page written over another"
}

// TestDamagedPages damages each kind of page that can be reached, in each way that a parser could fall for.
func TestDamagedPages(t *testing.T) {
	t.Parallel()
	body := fixture()[:len(fixture())-trailerSize]
	branches, leaves := pagesOf(t, body, "key")
	branch, leaf, next := branches[0], leaves[len(leaves)/2], leaves[len(leaves)/2+1]
	withFreelist := synced(t)
	freelist := metaOf(withFreelist).freelist
	for name, test := range map[string]struct {
		body  []byte
		spoil func(body []byte)
	}{
		"metas: checksum":                {body, func(b []byte) { b[headerSize+20]++; b[pageSize+headerSize+20]++ }},
		"metas: magic":                   {body, func(b []byte) { b[headerSize]++; b[pageSize+headerSize]++ }},
		"metas: root beyond the end":     {body, func(b []byte) { changeMetas(b, func(m []byte) { order.PutUint64(m[16:], 1<<40) }) }},
		"metas: root is a meta":          {body, func(b []byte) { changeMetas(b, func(m []byte) { order.PutUint64(m[16:], 0) }) }},
		"metas: root is another leaf":    {body, func(b []byte) { changeMetas(b, func(m []byte) { order.PutUint64(m[16:], leaf) }) }},
		"metas: page size":               {body, func(b []byte) { changeMetas(b, func(m []byte) { order.PutUint32(m[8:], 1<<20) }) }},
		"metas: endless file":            {body, func(b []byte) { changeMetas(b, func(m []byte) { order.PutUint64(m[40:], 1<<50) }) }},
		"metas: freelist beyond the end": {body, func(b []byte) { changeMetas(b, func(m []byte) { order.PutUint64(m[32:], 1<<40) }) }},

		"freelist: zero":        {withFreelist, func(b []byte) { clear(pageAt(b, freelist)[:pageSize]) }},
		"freelist: no freelist": {withFreelist, func(b []byte) { pageAt(b, freelist).setFlags(leafFlag) }},
		"freelist: empty":       {withFreelist, func(b []byte) { pageAt(b, freelist).setCount(0) }},
		"freelist: too long":    {withFreelist, func(b []byte) { pageAt(b, freelist).setCount(0xfffe) }},
		"freelist: endless":     {withFreelist, func(b []byte) { pageAt(b, freelist).setOverflow(1<<32 - 1) }},
		"freelist: a page twice": {withFreelist, func(b []byte) {
			p := pageAt(b, freelist)[headerSize:]
			copy(p[8:16], p[:8])
		}},
		"freelist: a page in use": {withFreelist, func(b []byte) { order.PutUint64(pageAt(b, freelist)[headerSize:], metaOf(b).root) }},
		"freelist: endless file":  {withFreelist, func(b []byte) { changeMetas(b, func(m []byte) { order.PutUint64(m[40:], 1<<50) }) }},

		"branch: zero":                    {body, func(b []byte) { clear(pageAt(b, branch)[:pageSize]) }},
		"branch: id":                      {body, func(b []byte) { pageAt(b, branch).setID(branch + 1) }},
		"branch: a meta page":             {body, func(b []byte) { pageAt(b, branch).setFlags(4) }},
		"branch: no kind":                 {body, func(b []byte) { pageAt(b, branch).setFlags(0) }},
		"branch: a leaf":                  {body, func(b []byte) { pageAt(b, branch).setFlags(leafFlag) }},
		"branch: count":                   {body, func(b []byte) { pageAt(b, branch).setCount(0xffff) }},
		"branch: endless":                 {body, func(b []byte) { pageAt(b, branch).setOverflow(1<<32 - 1) }},
		"branch: child is itself":         {body, func(b []byte) { order.PutUint64(pageAt(b, branch).element(1)[8:], branch) }},
		"branch: child is beyond the end": {body, func(b []byte) { order.PutUint64(pageAt(b, branch).element(1)[8:], 1<<45) }},
		"branch: child is there twice": {body, func(b []byte) {
			copy(pageAt(b, branch).element(1)[8:], pageAt(b, branch).element(0)[8:])
		}},
		"branch: keys out of order":  {body, func(b []byte) { pageAt(b, branch).branchKey(1)[0] = 0xff }},
		"branch: key beyond the end": {body, func(b []byte) { order.PutUint32(pageAt(b, branch).element(1), 1<<31) }},
		"branch: itself, without a freelist to rebuild": {withFreelist, func(b []byte) {
			branches, _ := pagesOf(t, b, "key")
			p := pageAt(b, branches[0])
			for i := range p.count() {
				order.PutUint64(p.element(i)[8:], branches[0])
			}
		}},

		"leaf: zero":                    {body, func(b []byte) { clear(pageAt(b, leaf)[:pageSize]) }},
		"leaf: id":                      {body, func(b []byte) { pageAt(b, leaf).setID(leaf + 1) }},
		"leaf: a branch":                {body, func(b []byte) { pageAt(b, leaf).setFlags(branchFlag) }},
		"leaf: count":                   {body, func(b []byte) { pageAt(b, leaf).setCount(0xffff) }},
		"leaf: endless":                 {body, func(b []byte) { pageAt(b, leaf).setOverflow(1<<32 - 1) }},
		"leaf: another":                 {body, func(b []byte) { copy(pageAt(b, leaf)[headerSize:pageSize], pageAt(b, next)[headerSize:pageSize]) }},
		"leaf: key beyond the end":      {body, func(b []byte) { order.PutUint32(pageAt(b, leaf).element(0)[4:], 1<<31) }},
		"leaf: value beyond the end":    {body, func(b []byte) { order.PutUint32(pageAt(b, leaf).element(0)[12:], 1<<30) }},
		"leaf: key is no revision":      {body, func(b []byte) { key, _ := pageAt(b, leaf).leafEntry(0); key[8] = '-' }},
		"leaf: key of another revision": {body, func(b []byte) { key, _ := pageAt(b, leaf).leafEntry(1); key[7]++ }},
		"leaf: keys out of order":       {body, func(b []byte) { key, _ := pageAt(b, leaf).leafEntry(0); key[0] = 0x7f }},
		"leaf: value is no key-value":   {body, func(b []byte) { _, value := pageAt(b, leaf).leafEntry(0); value[0] = 0xff }},
		"leaf: an entry is a bucket":    {body, func(b []byte) { pageAt(b, leaf).element(0)[0] = bucketEntry }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoiled := bytes.Clone(test.body)
			test.spoil(spoiled)
			if bytes.Equal(spoiled, test.body) {
				t.Fatal("nothing was changed")
			}
			e := examine(t, write(t, withTrailer(spoiled)), 6)
			wantDamage(t, e, CheckPages)
			t.Log(e.Checks[1].Detail)
		})
	}
}

// TestOneMeta: etcd writes what the meta page says twice, and bbolt goes on with either; one of them is no loss, unless it is
// no meta page any more.
func TestOneMeta(t *testing.T) {
	for _, from := range []int{0, pageSize} {
		body := bytes.Clone(fixture()[:len(fixture())-trailerSize])
		body[from+headerSize+20] ^= 1
		e := examine(t, write(t, withTrailer(body)), 6)
		if !e.OK() || e.Facts.StatusHash != "2c5df706" {
			t.Errorf("meta at %d is damaged: got %+v", from, e)
		}
		clear(body[from : from+pageSize])
		wantDamage(t, examine(t, write(t, withTrailer(body)), 6), CheckPages)
	}
}

// TestDamagedValue: what users wrote means nothing to level 2, but both hashes show that it changed.
func TestDamagedValue(t *testing.T) {
	body := bytes.Clone(fixture()[:len(fixture())-trailerSize])
	_, leaves := pagesOf(t, body, "key")
	_, value := pageAt(body, leaves[1]).leafEntry(0)
	at := bytes.Index(value, []byte("k8s"))
	if at < 0 {
		t.Fatal("the fixture has no Kubernetes object there")
	}
	value[at] ^= 1
	e := examine(t, write(t, withTrailer(body)), 6)
	if !e.OK() || e.Facts.HashKV.Hash == 1576616161 || e.Facts.StatusHash == "2c5df706" {
		t.Errorf("a value changed: got %+v, want it sound and with other hashes", e)
	}
}

// TestExamineNot: errors that say nothing of the file.
func TestExamineNot(t *testing.T) {
	if _, err := Examine(t.Context(), "testdata/none", 6); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("Examine of no file: got %v", err)
	}
	if _, err := Examine(t.Context(), t.TempDir(), 6); err == nil {
		t.Error("Examine of a folder: got no error")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(os.ErrDeadlineExceeded)
	if e, err := Examine(ctx, write(t, fixture()), 6); unwrapAll(err) != os.ErrDeadlineExceeded || e.OK() {
		t.Errorf("Examine with a context that ended: got %+v, error %v", e, err)
	}
}
