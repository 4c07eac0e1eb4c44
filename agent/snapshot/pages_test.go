package snapshot

import (
	"encoding/binary"
	"hash/fnv"
	"testing"
)

// How bbolt lays out a page (internal/common of bbolt): a header of id, flags, count and overflow; after it elements of 16
// bytes, in a branch position, key size and page, in a leaf flags, position, key size and value size.
const (
	pageSize    = 4096
	headerSize  = 16
	elementSize = 16

	branchFlag   = 0x01
	leafFlag     = 0x02
	freelistFlag = 0x10
	bucketEntry  = 0x01
)

var order = binary.LittleEndian

// page is one page of a database body; writing to it changes the body.
type page []byte

func pageAt(body []byte, id uint64) page { return page(body[id*pageSize:]) }

func (p page) flags() uint16        { return order.Uint16(p[8:]) }
func (p page) setFlags(v uint16)    { order.PutUint16(p[8:], v) }
func (p page) count() int           { return int(order.Uint16(p[10:])) }
func (p page) setCount(v uint16)    { order.PutUint16(p[10:], v) }
func (p page) setOverflow(v uint32) { order.PutUint32(p[12:], v) }
func (p page) setID(v uint64)       { order.PutUint64(p, v) }
func (p page) element(i int) []byte { return p[headerSize+i*elementSize:][:elementSize] }

// branchKey is the key of an element of a branch page.
func (p page) branchKey(i int) []byte {
	e := p.element(i)
	from := headerSize + i*elementSize + int(order.Uint32(e))
	return p[from:][:order.Uint32(e[4:])]
}

// leafEntry is the key and the value of an element of a leaf page.
func (p page) leafEntry(i int) (key, value []byte) {
	e := p.element(i)
	from := headerSize + i*elementSize + int(order.Uint32(e[4:]))
	keySize, valueSize := int(order.Uint32(e[8:])), int(order.Uint32(e[12:]))
	return p[from:][:keySize], p[from+keySize:][:valueSize]
}

// meta is what the two meta pages of a snapshot say.
type meta struct{ root, freelist uint64 }

func metaOf(body []byte) meta {
	p := body[headerSize:]
	return meta{root: order.Uint64(p[16:]), freelist: order.Uint64(p[32:])}
}

// changeMetas changes both meta pages and makes their checksums fit again.
func changeMetas(body []byte, change func(meta []byte)) {
	for _, from := range []int{headerSize, pageSize + headerSize} {
		p := body[from:]
		change(p)
		sum := fnv.New64a()
		sum.Write(p[:56])
		order.PutUint64(p[56:], sum.Sum64())
	}
}

// pagesOf gives the branch and the leaf pages of a bucket.
func pagesOf(t testing.TB, body []byte, bucket string) (branches, leaves []uint64) {
	t.Helper()
	root := pageAt(body, metaOf(body).root)
	for i := range root.count() {
		key, value := root.leafEntry(i)
		if string(key) != bucket || root.element(i)[0] != bucketEntry {
			continue
		}
		var walk func(id uint64)
		walk = func(id uint64) {
			p := pageAt(body, id)
			if p.flags() == leafFlag {
				leaves = append(leaves, id)
				return
			}
			branches = append(branches, id)
			for i := range p.count() {
				walk(order.Uint64(p.element(i)[8:]))
			}
		}
		walk(order.Uint64(value))
	}
	if len(branches) == 0 || len(leaves) < 3 {
		t.Fatalf("bucket %q has %d branch and %d leaf pages, too few for this test", bucket, len(branches), len(leaves))
	}
	return branches, leaves
}
